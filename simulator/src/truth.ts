import type { ChainWorld } from "./chain-world.ts";
import type { TopicHistory } from "./topic-history.ts";
import type { TweetWorld } from "./tweet-world.ts";

/** Holds the log of tweets against the world that was published: no post lost, none twice. */
export function judgeTweets(history: TopicHistory, world: TweetWorld): string[] {
  const problems: string[] = [];
  const posts = new Map<string, string>();
  const posted = new Set<string>();
  for (const entry of history.entries()) {
    if (entry.isDeletion) {
      // An author deletes what is theirs, and nothing else.
      if (posts.get(entry.id) === entry.payload.user_id) posts.delete(entry.id);
      continue;
    }
    if (posted.has(entry.id)) problems.push(`${entry.id} is in the log twice`);
    posted.add(entry.id);
    posts.set(entry.id, String(entry.payload.user_id));
  }
  for (const id of world.posted) if (!posted.has(id)) problems.push(`${id} is not in the log`);
  for (const id of posted) {
    if (!world.posted.has(id)) problems.push(`${id} is in the log, and was never due`);
  }
  for (const id of world.live.keys()) if (!posts.has(id)) problems.push(`${id} should be live`);
  for (const id of posts.keys()) if (!world.live.has(id)) problems.push(`${id} should be deleted`);
  return problems;
}

/** Folds the log of a chain, and holds it against the chain of the world. */
export function judgeChain(history: TopicHistory, world: ChainWorld): string[] {
  const problems: string[] = [];
  const held = new Set<string>();
  const blocks: string[] = [];
  const transactions = new Set<string>();
  for (const entry of history.entries()) {
    if (entry.payload.chain !== world.name || entry.broadcast !== undefined) continue;
    if (entry.payload.block === undefined && entry.eventType !== "block") continue;
    const place = `${entry.partition}:${entry.offset}`;
    if (entry.removed) {
      if (!held.delete(entry.id)) problems.push(`${place} undoes ${entry.id}, which does not hold`);
    } else {
      if (held.has(entry.id)) problems.push(`${place} applies ${entry.id} again`);
      held.add(entry.id);
    }
    const hash = String(entry.payload.hash);
    if (entry.eventType === "block") {
      if (!entry.removed) blocks.push(hash);
      else if (blocks.pop() !== hash)
        problems.push(`${place} undoes a block that is not the newest`);
    }
    if (entry.eventType === "tx") {
      if (entry.removed) transactions.delete(hash);
      else transactions.add(hash);
    }
  }
  const canonical = world.canonical();
  if (blocks.join() !== [...canonical.keys()].join()) {
    problems.push(`${world.name} folds to ${blocks.length} blocks, not to its canonical chain`);
  }
  const due = new Set([...canonical.values()].flat());
  for (const hash of due) {
    if (!transactions.has(hash)) problems.push(`${world.name} misses the transaction ${hash}`);
  }
  for (const hash of transactions) {
    if (!due.has(hash)) problems.push(`${world.name} keeps the transaction ${hash}`);
  }
  return problems;
}

/**
 * The final stream takes nothing back and its numbers grow. Of a chain that reports finality it is
 * the beginning of the canonical chain; of one that is final by depth, a reorg may have gone deeper.
 */
export function judgeFinal(history: TopicHistory, world: ChainWorld): string[] {
  const problems: string[] = [];
  const hashes: string[] = [];
  let last = -1;
  for (const entry of history.entries()) {
    if (entry.payload.chain !== world.name) continue;
    if (entry.removed) problems.push(`the final stream of ${world.name} takes ${entry.id} back`);
    if (entry.eventType !== "block") continue;
    const number = Number(entry.payload.number);
    if (number <= last) problems.push(`the final stream of ${world.name} has ${number} too late`);
    last = number;
    hashes.push(String(entry.payload.hash));
  }
  const canonical = [...world.canonical().keys()].slice(0, hashes.length);
  if (world.reportsFinality && hashes.join() !== canonical.join()) {
    problems.push(`the final stream of ${world.name} is not the beginning of its canonical chain`);
  }
  return problems;
}
