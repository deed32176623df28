import { mountSpec, type ValueOf } from '@gantry/api';
import { parseSize } from '@gantry/base';
import { cutPair, splitCsv } from './csv.ts';

export type MountRequest = ValueOf<typeof mountSpec>;

type Draft = { -readonly [K in keyof MountRequest]: MountRequest[K] };
type Setter = (draft: Draft, value: string, key: string) => void;

const switches = ['readonly', 'ro', 'volume-nocopy', 'bind-nonrecursive', 'bind-create-src'];

/**
 * Reads one `--mount`, comma-separated `key=value`.
 *
 * @param absolute makes a path that starts with a dot absolute
 * @throws Error in Docker's words
 */
export function parseMount(text: string, absolute: (path: string) => string): MountRequest {
  const trimmed = text.trim();
  if (trimmed === '') throw new Error('value is empty');
  const draft: Draft = { ...mountSpec.zero, type: 'volume' };
  for (const field of splitCsv(trimmed)) setField(draft, field);
  if (draft.source.startsWith('.')) draft.source = absolute(draft.source);
  checkExclusive(draft);
  checkReadOnlyBind(draft);
  return draft;
}

function setField(draft: Draft, field: string): void {
  const [written, value] = cutPair(field);
  if (value !== undefined && value.trim() === '') throw new Error(`invalid value for '${written}': value is empty`);
  if (value !== undefined && value.trim() !== value) {
    throw new Error(`invalid value for '${written}' in '${field}': value should not have whitespace`);
  }
  const key = written.toLowerCase();
  if (value === undefined && !switches.includes(key)) {
    throw new Error(`invalid field '${field}' must be a key=value pair`);
  }
  const setter = Object.hasOwn(setters, key) ? setters[key] : undefined;
  if (setter === undefined) throw new Error(`unexpected key '${key}' in '${field}'`);
  setter(draft, value ?? 'true', key);
}

const setters: Readonly<Record<string, Setter>> = {
  type: (draft, value) => {
    draft.type = parseType(value.toLowerCase());
  },
  source: setSource,
  src: setSource,
  target: setTarget,
  dst: setTarget,
  destination: setTarget,
  readonly: setReadOnly,
  ro: setReadOnly,
  consistency: (draft, value) => {
    draft.consistency = value.toLowerCase();
  },
  'bind-propagation': (draft, value) => setBind(draft, { propagation: value.toLowerCase() }),
  'bind-nonrecursive': () => {
    throw new Error('bind-nonrecursive is deprecated, use bind-recursive=disabled instead');
  },
  'bind-recursive': (draft, value, key) => setBind(draft, recursionOf(value, key)),
  'bind-create-src': (draft, value, key) => setBind(draft, { createMountpoint: parseSwitch(value, key) }),
  'volume-subpath': (draft, value) => setVolume(draft, { subpath: value }),
  'volume-nocopy': (draft, value, key) => setVolume(draft, { noCopy: parseSwitch(value, key) }),
  'volume-label': (draft, value) => setVolume(draft, { labels: { ...draft.volumeOptions?.labels, ...pairOf(value) } }),
  'volume-driver': (draft, value) => setDriver(draft, { name: value }),
  'volume-opt': (draft, value) =>
    setDriver(draft, { options: { ...draft.volumeOptions?.driver?.options, ...pairOf(value) } }),
  'image-subpath': (draft, value) => {
    draft.imageOptions = { subpath: value };
  },
  'tmpfs-size': (draft, value, key) => setTmpfs(draft, { sizeBytes: parseTmpfsSize(value, key) }),
  'tmpfs-mode': (draft, value, key) => {
    if (!/^[0-7]+$/.test(value)) throw new Error(`invalid value for ${key}: ${value}`);
    setTmpfs(draft, { mode: Number.parseInt(value, 8) });
  },
};

function parseType(text: string): MountRequest['type'] {
  // Which types there are is the engine's to say, so one that is none of them is sent and refused there.
  return text as MountRequest['type'];
}

function setSource(draft: Draft, value: string): void {
  draft.source = value;
}

function setTarget(draft: Draft, value: string): void {
  draft.target = value;
}

function setReadOnly(draft: Draft, value: string, key: string): void {
  draft.readOnly = parseSwitch(value, key);
}

type BindOptions = NonNullable<MountRequest['bindOptions']>;
type VolumeOptions = NonNullable<MountRequest['volumeOptions']>;

const plainBind: BindOptions = {
  propagation: '',
  nonRecursive: false,
  createMountpoint: false,
  readOnlyNonRecursive: false,
  readOnlyForceRecursive: false,
};
const plainVolume: VolumeOptions = { noCopy: false, labels: {}, driver: undefined, subpath: '' };

function setBind(draft: Draft, change: Partial<BindOptions>): void {
  draft.bindOptions = { ...(draft.bindOptions ?? plainBind), ...change };
}

function setVolume(draft: Draft, change: Partial<VolumeOptions>): void {
  draft.volumeOptions = { ...(draft.volumeOptions ?? plainVolume), ...change };
}

function setDriver(draft: Draft, change: Partial<NonNullable<VolumeOptions['driver']>>): void {
  setVolume(draft, { driver: { ...(draft.volumeOptions?.driver ?? { name: '', options: {} }), ...change } });
}

function setTmpfs(draft: Draft, change: Partial<NonNullable<MountRequest['tmpfsOptions']>>): void {
  draft.tmpfsOptions = { ...(draft.tmpfsOptions ?? { sizeBytes: 0, mode: 0, options: [] }), ...change };
}

function recursionOf(value: string, key: string): Partial<BindOptions> {
  switch (value) {
    case 'enabled':
      return {};
    case 'disabled':
      return { nonRecursive: true };
    case 'writable':
      return { readOnlyNonRecursive: true };
    case 'readonly':
      return { readOnlyForceRecursive: true };
    default:
      throw new Error(`invalid value for ${key}: ${value} (must be "enabled", "disabled", "writable", or "readonly")`);
  }
}

function parseSwitch(value: string, key: string): boolean {
  if (value === '1' || value === 'true') return true;
  if (value === '0' || value === 'false') return false;
  const why = `invalid boolean value (${JSON.stringify(value)})`;
  throw new Error(`invalid value for '${key}': ${why}: must be one of "true", "1", "false", or "0" (default "true")`);
}

function parseTmpfsSize(value: string, key: string): number {
  try {
    return parseSize(value);
  } catch {
    throw new Error(`invalid value for ${key}: ${value}`);
  }
}

function pairOf(text: string): Record<string, string> {
  const [key, value] = cutPair(text);
  return key === '' ? {} : { [key]: value ?? '' };
}

function checkExclusive(draft: Draft): void {
  const given = [
    ['bind', draft.bindOptions],
    ['volume', draft.volumeOptions],
    ['image', draft.imageOptions],
    ['tmpfs', draft.tmpfsOptions],
  ] as const;
  for (const [type, options] of given) {
    if (options !== undefined && draft.type !== type) {
      throw new Error(`cannot mix '${type}-*' options with mount type '${draft.type}'`);
    }
  }
}

function checkReadOnlyBind(draft: Draft): void {
  const options = draft.bindOptions;
  if (options?.readOnlyNonRecursive && !draft.readOnly) {
    throw new Error("option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction");
  }
  if (!options?.readOnlyForceRecursive) return;
  if (!draft.readOnly) {
    throw new Error("option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction");
  }
  if (options.propagation !== 'rprivate') {
    throw new Error(
      "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
    );
  }
}
