import { readFileSync } from "node:fs";
import { EMPTY_PARTITION, type Store } from "./store.ts";

/** Names this boot of the machine; empty where the system does not tell. */
export function machineBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/**
 * Notes that this process uses the files. Where the last that did left them open and the machine was
 * started anew since, records that were acknowledged may be gone if the disk lied: every topic gets
 * a new generation from its heads on, so that no cursor can mean a record that it did not mean.
 */
export async function enterRun(store: Store, bootId: string, pid: number): Promise<void> {
  await store.root.transaction(() => {
    const last = store.runs.get("last");
    const others = last === undefined || last.bootId !== bootId ? [] : last.pids.filter(isAlive);
    if (last !== undefined && !last.clean && last.bootId !== bootId) raiseGenerations(store);
    store.runs.putSync("last", { bootId, clean: false, pids: [...new Set([...others, pid])] });
  });
}

/** Notes that this process is done; the last one out leaves the files clean. */
export async function leaveRun(store: Store, bootId: string, pid: number): Promise<void> {
  await store.root.transaction(() => {
    const last = store.runs.get("last");
    const pids = (last?.pids ?? []).filter((other) => other !== pid && isAlive(other));
    store.runs.putSync("last", { bootId, clean: pids.length === 0, pids });
  });
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
  } catch {
    return false;
  }
}
