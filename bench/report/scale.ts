/** Maps values to pixels, and says where its axis has ticks. */
export interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Ticks at 1, 2 and 5 times powers of ten, about so many. */
export function linearScale(max: number, from: number, to: number, count = 5): Scale {
  const top = max > 0 ? max : 1;
  const rough = top / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((times) => times * power >= rough) ?? 10);
  const end = Math.ceil(top / step - 1e-9) * step;
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, at) => at * step);
  return { at: (value) => from + ((to - from) * value) / end, ticks };
}

/** Ticks at powers of ten, at 2 and 5 times them too where there are few; the values must be above 0. */
export function logScale(min: number, max: number, from: number, to: number): Scale {
  const low = 10 ** Math.floor(Math.log10(min) + 1e-9);
  const high = 10 ** Math.ceil(Math.log10(max) - 1e-9);
  const top = high > low ? high : low * 10;
  const decades = Math.round(Math.log10(top / low));
  const ticks: number[] = [];
  for (let decade = 0; decade <= decades; decade++)
    for (const times of decades <= 2 ? [1, 2, 5] : [1]) {
      const tick = low * 10 ** decade * times;
      if (tick <= top * (1 + 1e-9)) ticks.push(tick);
    }
  const at = (value: number): number =>
    from + ((to - from) * Math.log10(value / low)) / Math.log10(top / low);
  return { at, ticks };
}
