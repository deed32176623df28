import { field, object, parseJson, text } from '@gantry/api';
import { EngineError } from '@gantry/base';
import { normalizePlatform, type Platform } from '@gantry/oci';

const wirePlatform = object({
  os: field('os', text),
  architecture: field('architecture', text),
  variant: field('variant', text, 'omit'),
});

/** The platform of a push, a save or a load is a JSON document, where a pull has `linux/arm64`. @throws invalid */
export function parseWirePlatform(given: string): Platform | undefined {
  return given === '' ? undefined : normalizePlatform(wirePlatform.parse(parseJson(given), 'platform'));
}

/** Platforms as a removal names them. @throws invalid */
export function parseWirePlatformList(given: readonly string[]): readonly Platform[] {
  return given.flatMap((one) => parseWirePlatform(one) ?? []);
}

/** The same where Docker takes a list, of which only stores of several platforms know more than one. @throws invalid */
export function parseWirePlatforms(given: readonly string[]): Platform | undefined {
  if (given.length > 1) throw new EngineError('invalid', 'multiple platform parameters not supported');
  return parseWirePlatform(given[0] ?? '');
}
