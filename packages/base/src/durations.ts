const unitMs: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/** Parses a duration in Go's grammar: `1h30m`, `500ms`. @returns milliseconds; undefined when it is none */
export function parseDuration(text: string): number | undefined {
  if (!/^[+-]?(\d+(\.\d*)?(h|ms|m|s|us|µs|ns))+$/.test(text)) return undefined;
  const sign = text.startsWith('-') ? -1 : 1;
  let total = 0;
  for (const match of text.matchAll(/(\d+(?:\.\d*)?)(h|ms|m|s|us|µs|ns)/g))
    total += Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0);
  return sign * total;
}
