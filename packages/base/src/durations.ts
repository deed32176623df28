const unitNanos: Readonly<Record<string, number>> = {
  d: 86_400e9,
  h: 3600e9,
  m: 60e9,
  s: 1e9,
  ms: 1e6,
  us: 1e3,
  µs: 1e3,
  ns: 1,
};

/** Sums the parts of a text that its caller has found to be a duration: `1h30m`, `7d`. @returns nanoseconds, unsigned */
export function sumDuration(text: string): number {
  let nanos = 0;
  for (const [, count, unit = ''] of text.matchAll(/(\d+(?:\.\d*)?)(d|h|ms|m|s|us|µs|ns)/g))
    nanos += Number(count) * (unitNanos[unit] ?? 0);
  return nanos;
}

/** Parses a duration in Go's grammar: `1h30m`, `500ms`. @returns milliseconds; undefined when it is none */
export function parseDuration(text: string): number | undefined {
  if (!/^[+-]?(\d+(\.\d*)?(h|ms|m|s|us|µs|ns))+$/.test(text)) return undefined;
  return ((text.startsWith('-') ? -1 : 1) * sumDuration(text)) / 1e6;
}
