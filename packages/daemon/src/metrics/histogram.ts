import type { Sample } from './exposition.ts';

/** How often something took how long. `bounds`: seconds, rising. */
export type Histogram = {
  observe(seconds: number): void;
  samples(labels: Readonly<Record<string, string>>): readonly Sample[];
};

/** Docker's. */
export const usualBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
/** A start takes a few milliseconds here, which all of Docker's bounds but the first would not tell apart. */
export const startBounds = [0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5] as const;

export function createHistogram(bounds: readonly number[]): Histogram {
  const counts = bounds.map(() => 0);
  let [count, sum] = [0, 0];
  return {
    observe: (seconds) => {
      count++;
      sum += seconds;
      for (const [index, bound] of bounds.entries()) if (seconds <= bound) counts[index] = (counts[index] ?? 0) + 1;
    },
    samples: (labels) => [
      ...bounds.map((bound, index) => ({
        suffix: '_bucket',
        labels: { ...labels, le: String(bound) },
        value: counts[index] ?? 0,
      })),
      { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count },
      { suffix: '_sum', labels, value: sum },
      { suffix: '_count', labels, value: count },
    ],
  };
}
