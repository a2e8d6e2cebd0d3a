import {
  type Cursor,
  decodeCursor,
  PenstockError,
  parseDurationMs,
  type Start,
} from "@penstock-dev/contract";
import type { Log } from "../log/index.ts";
import { blockPlace } from "./block-start.ts";
import { covers, type LogIdentity, laterOf, type Place, placeOf } from "./place.ts";
import type { ReadableLog } from "./readable-log.ts";

/** A start, found in the log. */
export interface FoundStart {
  readonly place: Place;
  /** What a clamped start passes over: from the start that was asked for to the floor. */
  readonly clampedFrom: Place | undefined;
  /** Whether reading continues an earlier one. */
  readonly resumed: boolean;
  /** By partition, the oldest offset that is kept, where it was looked for. */
  readonly floors?: readonly number[];
}

/**
 * The place that a start means.
 *
 * @param head where the live end stands
 * @throws PenstockError the `cursor_…` codes, or `invalid_request` for a block that is not kept
 */
export async function findStart(
  start: Start,
  clamp: boolean,
  context: {
    readonly log: Log;
    readonly readable: ReadableLog;
    readonly identity: LogIdentity;
    readonly head: Place;
    readonly nowMs: number;
  },
): Promise<FoundStart> {
  const { readable, head } = context;
  if (start === "now") return fresh(head);
  const floors = await readable.floors();
  const floor: Place = { offsets: floors, sources: [] };
  if (start === "earliest") return fresh(floor);
  if ("block" in start) return fresh(await blockPlace(readable, start.block, floor, head));
  if ("cursor" in start) {
    const cursor = decodeCursor(start.cursor);
    const place = placeOf(cursor, floors);
    await checkCursor(cursor, place, context);
    if (covers(place, floor)) return { place, clampedFrom: undefined, resumed: true, floors };
    if (!clamp) throw tooOld(floors);
    return { place: laterOf(place, floor), clampedFrom: place, resumed: true, floors };
  }
  const timeMs =
    "ago" in start ? context.nowMs - (parseDurationMs(start.ago) ?? 0) : Date.parse(start.time);
  return await timeStart(timeMs, clamp, floors, context);
}

function fresh(place: Place): FoundStart {
  return { place, clampedFrom: undefined, resumed: false };
}

function tooOld(floors: readonly number[]): PenstockError {
  const oldest = floors.map((offset, partition) => `${partition}:${offset}`).join(", ");
  return new PenstockError(
    "cursor_too_old",
    `The oldest positions that are kept are ${oldest}. Start at "earliest", or say "clamp": true.`,
  );
}

/**
 * The place at which the log stood at a time. Where what it took then is no longer kept, nobody knows
 * how much is missing: a clamped start names the last offset that is.
 */
async function timeStart(
  timeMs: number,
  clamp: boolean,
  floors: readonly number[],
  context: { readonly readable: ReadableLog; readonly head: Place; readonly nowMs: number },
): Promise<FoundStart> {
  const { readable, head, nowMs } = context;
  const offsets: number[] = [];
  const clampedFrom: number[] = [];
  for (const [partition, floor] of floors.entries()) {
    const found = await readable.offsetAt(partition, timeMs);
    const offset = Math.min(found, head.offsets[partition] ?? found);
    const isCut = offset === floor && timeMs < (await readable.keptFromMs(partition, nowMs));
    offsets.push(offset);
    clampedFrom.push(isCut ? floor - 1 : offset);
  }
  const place: Place = { offsets, sources: [] };
  const from: Place = { offsets: clampedFrom, sources: [] };
  if (covers(from, place)) return fresh(place);
  if (!clamp) throw tooOld(floors);
  return { place, clampedFrom: from, resumed: false };
}

async function checkCursor(
  cursor: Cursor,
  place: Place,
  context: { readonly log: Log; readonly identity: LogIdentity },
): Promise<void> {
  const { log, identity } = context;
  if (cursor.stream !== identity.stream) {
    throw new PenstockError(
      "cursor_foreign",
      `The cursor belongs to the stream ${JSON.stringify(cursor.stream)}.`,
    );
  }
  if (cursor.topic !== identity.topic) {
    throw new PenstockError(
      "cursor_foreign",
      "The cursor belongs to another topic or finality of this stream.",
    );
  }
  if (cursor.logId !== identity.logId || cursor.generation > identity.generation) {
    throw new PenstockError("cursor_foreign", "The cursor belongs to another log.");
  }
  const heads = await log.heads(identity.topic);
  for (const partition of cursor.partitions.keys()) {
    if (partition >= heads.length) {
      throw new PenstockError("cursor_foreign", `The topic has no partition ${partition}.`);
    }
  }
  for (const [partition, head] of heads.entries()) {
    const offset = place.offsets[partition] ?? 0;
    if (offset > head) {
      throw new PenstockError(
        "cursor_ahead",
        `Partition ${partition} ends at ${head}; the cursor stands at ${offset}.`,
      );
    }
    const changed = await log.generationStart(identity.topic, partition, cursor.generation);
    if (changed !== undefined && offset > changed) {
      throw new PenstockError(
        "cursor_foreign",
        `The log lost what came after offset ${changed} of partition ${partition}; the cursor stands behind it.`,
      );
    }
  }
}
