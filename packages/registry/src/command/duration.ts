import { EngineError } from '@gantry/base';

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Parses a duration as Go writes it, and days: `90s`, `1h30m`, `7d`, `0`.
 *
 * @returns milliseconds
 * @throws invalid, naming the flag
 */
export function parseDuration(text: string, flag: string): number {
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text))
    throw new EngineError('invalid', `invalid value "${text}" of --${flag}: use a duration such as 90s or 24h`);
  let total = 0;
  for (const [, count, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    total += Number(count) * (unitsMs[unit] ?? 0);
  return total;
}
