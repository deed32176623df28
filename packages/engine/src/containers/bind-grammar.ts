import { EngineError } from '@gantry/base';

/** One `-v` of a user, decoded. */
export type BindSpec = {
  /** Absolute: a host path. Otherwise the name of a volume; empty: an anonymous one. */
  readonly source: string;
  readonly target: string;
  /** As written; inspect shows it. */
  readonly mode: string;
  readonly readOnly: boolean;
  /** Empty: none was given. */
  readonly propagation: string;
  readonly noCopy: boolean;
};

const words: ReadonlyMap<string, string> = new Map([
  ...['rw', 'ro'].map((word) => [word, 'access'] as const),
  ...['z', 'Z'].map((word) => [word, 'label'] as const),
  ...['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'].map((word) => [word, 'propagation'] as const),
  ...['nocopy', 'copy'].map((word) => [word, 'copy'] as const),
  ...['consistent', 'cached', 'delegated', 'default'].map((word) => [word, 'consistency'] as const),
]);

/** Tells whether a text is a list of mount options, at most one of each kind. */
export function isMountMode(mode: string): boolean {
  if (mode === '') return true;
  const kinds = mode.split(',').map((word) => words.get(word));
  return !kinds.includes(undefined) && new Set(kinds).size === kinds.length;
}

/** The one option of a kind in a mode text; empty when there is none. */
export function modeWord(mode: string, kind: 'access' | 'propagation' | 'copy'): string {
  return mode.split(',').find((word) => words.get(word) === kind) ?? '';
}

export function isPropagation(word: string): boolean {
  return words.get(word) === 'propagation';
}

/**
 * Parses `-v` in Docker's grammar: `target`, `source:target` or `source:target:mode`.
 *
 * @throws invalid with Docker's texts
 */
export function parseBind(text: string): BindSpec {
  const invalid = (): EngineError => new EngineError('invalid', `invalid volume specification: '${text}'`);
  const parts = text.split(':');
  const [first = '', second, mode = ''] = parts;
  if (first === '' || parts.length > 3) throw invalid();
  // `/data:ro` would be a volume at `ro`: Docker refuses it as a mode without a source.
  if (parts.length === 2 && isMountMode(second ?? '')) throw invalid();
  if (!isMountMode(mode)) throw new EngineError('invalid', `invalid mode: ${mode}`);
  return {
    source: second === undefined ? '' : first,
    target: second ?? first,
    mode,
    readOnly: modeWord(mode, 'access') === 'ro',
    propagation: modeWord(mode, 'propagation'),
    noCopy: modeWord(mode, 'copy') === 'nocopy',
  };
}

/**
 * Parses `--volumes-from`: `container` or `container:mode`.
 *
 * @throws invalid with Docker's texts; propagation and copy options are the original container's
 */
export function parseVolumesFrom(text: string): { readonly ref: string; readonly readOnly: boolean } {
  if (text === '') throw new EngineError('invalid', 'volumes-from specification cannot be an empty string');
  const colon = text.indexOf(':');
  const mode = colon < 0 ? '' : text.slice(colon + 1);
  if (!isMountMode(mode) || modeWord(mode, 'propagation') !== '' || modeWord(mode, 'copy') !== '')
    throw new EngineError('invalid', `invalid mode: ${mode}`);
  return { ref: colon < 0 ? text : text.slice(0, colon), readOnly: modeWord(mode, 'access') === 'ro' };
}
