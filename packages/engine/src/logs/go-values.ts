import { EngineError, parseDuration } from '@gantry/base';

/** Values of options in Go's grammar, refused in Go's words. */
export function parseGoBool(text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw new EngineError('invalid', `strconv.ParseBool: parsing "${text}": invalid syntax`);
}

export function parseGoInt(text: string, parser = 'Atoi'): number {
  if (!/^[+-]?\d{1,15}$/.test(text) || (parser === 'ParseUint' && !/^\d/.test(text)))
    throw new EngineError('invalid', `strconv.${parser}: parsing "${text}": invalid syntax`);
  return Number(text);
}

/** @returns milliseconds */
export function parseGoDuration(text: string): number {
  const ms = text === '0' ? 0 : parseDuration(text);
  if (ms === undefined) throw new EngineError('invalid', `time: invalid duration "${text}"`);
  return ms;
}
