import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { EMPTY_PARTITION, type Store, type StoredOpening } from "./store.ts";

/** Names this boot of the machine; empty where the system does not tell. */
export function machineBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/** The openings of this process that last: of a process with the same number, others are not. */
const ownOpenings = new Set<string>();

/**
 * Notes that the files are in use. Where those who used them last left them open and the machine was
 * started anew since, records that were acknowledged may be gone if the disk lied: every topic gets
 * a new generation from its heads on, so that no cursor can mean a record that it did not mean.
 * Where the system does not name its boots, any unclean end is taken for one of the machine.
 *
 * @returns the opening's id, for `leaveRun`
 */
export async function enterRun(store: Store, bootId: string): Promise<string> {
  const opening: StoredOpening = { pid: process.pid, id: randomBytes(6).toString("base64url") };
  ownOpenings.add(opening.id);
  await store.database.write(() => {
    const last = store.runs.get("last");
    const others = last?.bootId === bootId ? last.openings.filter(lasts) : [];
    const otherBoot = last?.bootId !== bootId || (bootId === "" && others.length === 0);
    if (last?.clean === false && otherBoot) raiseGenerations(store);
    store.runs.putSync("last", { bootId, clean: false, openings: [...others, opening] });
  });
  return opening.id;
}

/** Notes that an opening is done; the last one out leaves the files clean. */
export async function leaveRun(store: Store, bootId: string, openingId: string): Promise<void> {
  ownOpenings.delete(openingId);
  await store.database.write(() => {
    const openings = (store.runs.get("last")?.openings ?? []).filter(lasts);
    store.runs.putSync("last", { bootId, clean: openings.length === 0, openings });
  });
}

function lasts({ pid, id }: StoredOpening): boolean {
  return pid === process.pid ? ownOpenings.has(id) : isAlive(pid);
}

function raiseGenerations(store: Store): void {
  const topics = [...store.topics.getRange()].map(({ value }) => value);
  for (const topic of topics) {
    const heads = Array.from({ length: topic.partitions }, (_, partition) => {
      return (store.partitions.get([topic.number, partition]) ?? EMPTY_PARTITION).head;
    });
    store.topics.putSync(topic.topic, {
      ...topic,
      generation: topic.generation + 1,
      starts: [...topic.starts, heads],
    });
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
