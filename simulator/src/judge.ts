import type { GapFrame } from "@penstock-dev/contract";
import { cancels, type LogEntry } from "./log-entry.ts";
import { type NaiveField, type NaiveRule, ruleMatches } from "./naive-matcher.ts";
import type { Observation, SharedSight } from "./recording.ts";
import type { TopicHistory } from "./topic-history.ts";

/** What a filter gets of a topic, by partition: offsets in order. */
type Matches = readonly (readonly LogEntry[])[];

/** What the judge found; all but `problems` are counts that show what was at stake. */
export interface Verdict {
  readonly problems: string[];
  deliveries: number;
  expected: number;
  repeats: number;
  gapped: number;
}

/** A gap of what newer events replaced: those that it did not count are still to come. */
interface Conflation {
  readonly from: ReadonlyMap<number, number>;
  readonly to: ReadonlyMap<number, number>;
  /** How many must come, at least. */
  readonly due: number;
  kept: number;
}

/** Where a client stands while its observations are walked through. */
interface Walk {
  /** By partition: everything before is accounted for. Undefined before the first `subscribed`. */
  accounted: number[] | undefined;
  /** By partition: the last offset that this connection delivered. */
  last: number[];
  /** By partition: how far earlier connections came. */
  had: number[];
  /** Whether this connection has not said yet where it begins. */
  fresh: boolean;
  filter: number;
  openedTick: number;
  /** What is being looked at, for whoever reads of a problem. */
  seen: string;
  conflation: Conflation | undefined;
}

/**
 * Holds what clients saw against the log: each entry judged by the filter that was in force at its
 * position, by an evaluation that shares nothing with the engine.
 */
export class Judge {
  readonly #history: TopicHistory;
  readonly #topic: string;
  readonly #sight: SharedSight;
  readonly #filters: readonly (readonly NaiveRule[])[];
  readonly #fields: { readonly [name: string]: NaiveField };
  readonly #matches = new Map<number, Matches>();
  readonly #checkedTexts = new Set<string>();

  constructor(init: {
    readonly history: TopicHistory;
    readonly topic: string;
    readonly sight: SharedSight;
    /** The swarm's filters: any of the rules; none at all match everything. */
    readonly filters: readonly (readonly NaiveRule[])[];
    readonly fields: { readonly [name: string]: NaiveField };
  }) {
    this.#history = init.history;
    this.#topic = init.topic;
    this.#sight = init.sight;
    this.#filters = init.filters;
    this.#fields = init.fields;
  }

  /** All of a topic that a filter matches. */
  matchesOf(filter: number): Matches {
    let matches = this.#matches.get(filter);
    if (matches === undefined) {
      const rules = this.#filters[filter] ?? [];
      matches = this.#history.partitions.map((entries) =>
        entries.filter((entry) => this.#wants(rules, entry)),
      );
      this.#matches.set(filter, matches);
    }
    return matches;
  }

  #wants(rules: readonly NaiveRule[], entry: LogEntry): boolean {
    if (rules.length === 0) return !entry.onRequest;
    return rules.some((rule) => ruleMatches(rule, entry, this.#fields));
  }

  /** @param target by partition, how far the client must have come */
  judge(observations: readonly Observation[], target: readonly number[]): Verdict {
    const verdict = { problems: [] as string[], deliveries: 0, expected: 0, repeats: 0, gapped: 0 };
    const walk: Walk = {
      accounted: undefined,
      last: [],
      had: [],
      fresh: true,
      filter: -1,
      openedTick: 0,
      seen: "",
      conflation: undefined,
    };
    for (const [at, seen] of observations.entries()) {
      walk.seen = `observation ${at} (${seen.kind})`;
      if (seen.kind === "opened") {
        walk.openedTick = seen.tick;
        walk.last = [];
        walk.fresh = true;
        walk.conflation = undefined;
      } else if (seen.kind === "subscribed") this.#subscribed(seen, walk, verdict);
      else if (seen.kind === "cursor") {
        this.#passTo(seen.offsets.entries(), walk, verdict);
        this.#endConflation(seen.offsets, walk, verdict);
      } else if (seen.kind === "gap") this.#gap(seen.gap, walk, verdict);
      else if (seen.kind === "event") this.#event(seen, walk, verdict);
    }
    for (const [partition, offset] of target.entries()) {
      const at = walk.accounted?.[partition] ?? 0;
      if (at < offset) verdict.problems.push(`${partition}: stopped at ${at} of ${offset}`);
    }
    return verdict;
  }

  #subscribed(
    seen: Observation & { readonly kind: "subscribed" },
    walk: Walk,
    verdict: Verdict,
  ): void {
    const { accounted } = walk;
    if (accounted !== undefined) {
      // A server that heard late how far an earlier connection came goes on from there.
      if (walk.fresh) {
        for (const [partition, had] of walk.had.entries()) {
          accounted[partition] = Math.max(accounted[partition] ?? 0, had ?? 0);
        }
      }
      // Wherever it goes on: what the filter before had to give up to there must be there.
      this.#passTo(seen.offsets.entries(), walk, verdict);
      for (const [partition, offset] of accounted.entries()) {
        walk.had[partition] = Math.max(walk.had[partition] ?? 0, offset ?? 0);
      }
    }
    walk.fresh = false;
    walk.conflation = undefined;
    walk.filter = seen.filter;
    walk.accounted = [...seen.offsets];
  }

  /** Everything before these offsets must have been delivered, told of, or match nothing. */
  #passTo(offsets: Iterable<readonly [number, number]>, walk: Walk, verdict: Verdict): void {
    for (const [partition, offset] of offsets) {
      const from = walk.accounted?.[partition] ?? 0;
      if (offset <= from) continue;
      for (const entry of this.#between(walk.filter, partition, from, offset)) {
        if (entry.isDeletedLater) continue;
        verdict.expected += 1;
        verdict.problems.push(
          `${partition}:${entry.offset} ${entry.eventType} was lost, as ${walk.seen} shows`,
        );
      }
      if (walk.accounted !== undefined) walk.accounted[partition] = offset;
    }
  }

  #between(filter: number, partition: number, from: number, to: number): readonly LogEntry[] {
    const entries = this.matchesOf(filter)[partition] ?? [];
    return entries.slice(firstFrom(entries, from), firstFrom(entries, to));
  }

  #gap(gap: GapFrame, walk: Walk, verdict: Verdict): void {
    let certain = 0;
    let possible = 0;
    let takesBack = false;
    const fromOffsets = new Map<number, number>();
    const toOffsets = new Map<number, number>();
    for (const [name, to] of Object.entries(gap.to)) {
      const partition = Number(name);
      const from = gap.from[name] ?? 0;
      this.#passTo([[partition, Math.min(from, to)]], walk, verdict);
      const start = Math.max(from, walk.accounted?.[partition] ?? 0);
      const missed = this.#between(walk.filter, partition, start, to);
      possible += missed.length;
      certain += missed.filter((entry) => !entry.isDeletedLater).length;
      takesBack ||= missed.some(cancels);
      if (walk.accounted !== undefined && to > (walk.accounted[partition] ?? 0)) {
        walk.accounted[partition] = to;
      }
      fromOffsets.set(partition, start);
      toOffsets.set(partition, to);
    }
    verdict.gapped += gap.count;
    const isConflated = gap.reason === "conflated";
    if (isConflated) {
      const due = certain - gap.count;
      walk.conflation = { from: fromOffsets, to: toOffsets, due, kept: 0 };
    } else if (walk.conflation !== undefined) {
      // Some of what was kept may be among what this gap covers.
      walk.conflation = { ...walk.conflation, due: 0 };
    }
    if (takesBack && gap.cancels === false && !isConflated) {
      verdict.problems.push("a gap that hides an undo or a deletion says that it holds none");
    }
    if (!gap.exact) return;
    const wrong = isConflated ? gap.count > possible : gap.count < certain || gap.count > possible;
    if (wrong) {
      verdict.problems.push(
        `a gap of ${gap.reason} counts ${gap.count}, and there were ${certain} to ${possible}`,
      );
    }
  }

  /** Behind a conflation, what it kept must have come. */
  #endConflation(offsets: readonly number[], walk: Walk, verdict: Verdict): void {
    const { conflation } = walk;
    if (conflation === undefined) return;
    for (const [partition, to] of conflation.to) if ((offsets[partition] ?? 0) < to) return;
    if (conflation.kept < conflation.due) {
      verdict.problems.push(
        `a conflation kept ${conflation.due}, and ${conflation.kept} of them came`,
      );
    }
    walk.conflation = undefined;
  }

  #event(seen: Observation & { readonly kind: "event" }, walk: Walk, verdict: Verdict): void {
    const { partition, offset } = seen;
    const place = `${partition}:${offset}`;
    verdict.deliveries += 1;
    if (offset <= (walk.last[partition] ?? -1)) {
      verdict.problems.push(`${place} came behind ${walk.last[partition]} in one connection`);
    }
    walk.last[partition] = offset;
    const entry = this.#history.at(place);
    if (entry === undefined) {
      verdict.problems.push(`${place} is no event of the log`);
      return;
    }
    this.#checkText(entry);
    this.#checkFilter(entry, seen.tags, walk, verdict);
    const accounted = walk.accounted?.[partition] ?? 0;
    if (offset < accounted) {
      const { conflation } = walk;
      const isKept =
        conflation !== undefined &&
        offset >= (conflation.from.get(partition) ?? 0) &&
        offset < (conflation.to.get(partition) ?? 0);
      if (isKept) {
        conflation.kept += 1;
      } else {
        verdict.repeats += 1;
        verdict.problems.push(`${place} came again in one connection, or behind its checkpoint`);
      }
      return;
    }
    this.#passTo([[partition, offset]], walk, verdict);
    verdict.expected += 1;
    if (walk.accounted !== undefined) walk.accounted[partition] = offset + 1;
  }

  #checkFilter(
    entry: LogEntry,
    tags: readonly string[] | undefined,
    walk: Walk,
    verdict: Verdict,
  ): void {
    const place = `${entry.partition}:${entry.offset}`;
    const rules = this.#filters[walk.filter] ?? [];
    if (!this.#wants(rules, entry)) {
      verdict.problems.push(`${place} ${entry.eventType} matches nothing that was asked for`);
      return;
    }
    if (entry.broadcast === undefined) {
      const due = rules
        .filter((rule) => rule.tag !== undefined && ruleMatches(rule, entry, this.#fields))
        .map((rule) => String(rule.tag));
      const given = [...(tags ?? [])].sort().join();
      if ([...new Set(due)].sort().join() !== given) {
        verdict.problems.push(`${place} has the tags ${given}, and matched ${due.join()}`);
      }
    }
    if (!entry.isDeletedLater) return;
    const deleted = this.#sight.deletionTicks.get(`${String(entry.payload.user_id)}\n${entry.id}`);
    if (deleted !== undefined && deleted < walk.openedTick) {
      verdict.problems.push(`${place} was served though it had been deleted before`);
    }
  }

  /** The text that clients got is that of the log, once for all of them. */
  #checkText(entry: LogEntry): void {
    const key = `${this.#topic} ${entry.partition}:${entry.offset}`;
    if (this.#checkedTexts.has(key)) return;
    this.#checkedTexts.add(key);
    const { partition, offset, at, eventType, id, removed, noun, payload } = entry;
    const whole = {
      event_type: eventType,
      position: `${partition}:${offset}`,
      at,
      id,
      ...(removed ? { removed } : {}),
      [noun]: payload,
    };
    if (this.#sight.texts.get(key) !== JSON.stringify(whole)) {
      this.#sight.differing.push(`${key} is not as the log has it`);
    }
  }
}

function firstFrom(entries: readonly LogEntry[], offset: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.offset ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
