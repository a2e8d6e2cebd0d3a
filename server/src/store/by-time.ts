/**
 * Items of several lists in the order of their times, each list's in its own order; of equal times
 * the earlier list's first.
 *
 * @param newestFirst lists come newest first, and so do their items
 */
export function* byTime<T>(
  lists: readonly Iterator<T>[],
  timeOf: (item: T) => number,
  newestFirst = false,
): Generator<T, void, undefined> {
  const sign = newestFirst ? -1 : 1;
  const next = lists.map((list) => list.next());
  try {
    for (;;) {
      let best = -1;
      let bestTime = Number.POSITIVE_INFINITY;
      for (let list = 0; list < next.length; list++) {
        const item = next[list];
        if (item === undefined || item.done === true) continue;
        const time = timeOf(item.value) * sign;
        if (time < bestTime) {
          best = list;
          bestTime = time;
        }
      }
      const item = next[best];
      if (item === undefined || item.done === true) return;
      yield item.value;
      next[best] = (lists[best] as Iterator<T>).next();
    }
  } finally {
    for (const list of lists) list.return?.();
  }
}
