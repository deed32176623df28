import { EngineError, sumDuration } from '@gantry/base';

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
  return sumDuration(text) / 1e6;
}
