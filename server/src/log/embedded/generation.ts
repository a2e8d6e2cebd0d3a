import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { EMPTY_PARTITION, type Store, type StoredOpening, type StoredTopic } from "./store.ts";

/** Names this boot of the machine; empty where the system does not tell. */
export function machineBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/** One opening of the files, as long as it lasts. */
export interface Run {
  readonly bootId: string;
  readonly openingId: string;
}

/** The openings of this process that last: of a process with the same number, others are not. */
const ownOpenings = new Set<string>();

/** Generations that a topic remembers: of those before, cursors hold for less than they could. */
const GENERATIONS_MAX = 1000;

/**
 * Notes that the files are in use by a process that writes. Where no other that writes has them open, every topic gets a new generation
 * from its heads on: nobody can tell what lies between this opening and the one before. The disk may
 * have lied, and the machine ended; the files may be an older copy of themselves. A cursor up to the
 * heads means what it meant; one beyond them, of whatever became of this log elsewhere, is refused.
 *
 * @param nowMs makes the generation one that no other future of the same files has
 * @returns what `leaveRun` takes
 */
export async function enterRun(store: Store, bootId: string, nowMs: number): Promise<Run> {
  const opening: StoredOpening = { pid: process.pid, id: randomBytes(6).toString("base64url") };
  ownOpenings.add(opening.id);
  await store.database.write(() => {
    const last = store.runs.get("last");
    // The numbers of processes mean nothing behind a boot of the machine.
    const others = last?.bootId === bootId ? last.openings.filter(lasts) : [];
    if (last !== undefined && others.length === 0) raiseGenerations(store, nowMs);
    store.runs.putSync("last", { bootId, openings: [...others, opening] });
  });
  return { bootId, openingId: opening.id };
}

/** Notes that an opening is done. */
export async function leaveRun(store: Store, { bootId, openingId }: Run): Promise<void> {
  ownOpenings.delete(openingId);
  await store.database.write(() => {
    const openings = (store.runs.get("last")?.openings ?? []).filter(lasts);
    store.runs.putSync("last", { bootId, openings });
  });
}

/** The heads at which the first generation behind another began; undefined where there is none. */
export function startBehind(topic: StoredTopic, generation: number): readonly number[] | undefined {
  return topic.starts.find((_, at) => generationAt(topic, at) > generation);
}

/** Which generation began at one of the starts: they were counted before they had numbers. */
function generationAt({ generations = [] }: StoredTopic, at: number): number {
  return generations[at] ?? at + 1;
}

function lasts({ pid, id }: StoredOpening): boolean {
  return pid === process.pid ? ownOpenings.has(id) : isAlive(pid);
}

function raiseGenerations(store: Store, nowMs: number): void {
  for (const { value: topic } of [...store.topics.getRange()]) {
    const heads = Array.from({ length: topic.partitions }, (_, partition) => {
      return (store.partitions.get([topic.number, partition]) ?? EMPTY_PARTITION).head;
    });
    const generation = Math.max(topic.generation + 1, nowMs);
    const generations = topic.starts.map((_, at) => generationAt(topic, at));
    const starts = [...topic.starts];
    // A generation in which nothing was appended began where this one does.
    if (isDeepStrictEqual(starts.at(-1), heads)) {
      starts.pop();
      generations.pop();
    }
    starts.push(heads);
    generations.push(generation);
    // The oldest start bounds its successor's cursors too: too strict, and never too lax.
    while (starts.length > GENERATIONS_MAX) {
      starts.splice(1, 1);
      generations.splice(0, 1);
    }
    store.topics.putSync(topic.topic, { ...topic, generation, generations, starts });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (caught) {
    // A process of another user is there, though it cannot be signalled.
    return (caught as { code?: unknown }).code === "EPERM";
  }
}
