import { EngineError } from '@gantry/base';
import type { LinuxDeviceRule } from '@gantry/oci';

/** Every container may make any node, and use these: without them neither /dev nor a terminal works. As runc's. */
export const alwaysAllowed: readonly LinuxDeviceRule[] = [
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 5, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 7, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 8, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 9, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 0, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 1, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 2, access: 'rwm' },
  { allow: true, type: 'c', major: 136, access: 'rwm' },
];

/** Bits of access as the kernel's device programs see them. */
const accessBit: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };

export type DeviceException = {
  readonly type: 'c' | 'b';
  /** undefined: any. */
  readonly major: number | undefined;
  readonly minor: number | undefined;
  /** Bits: 1 mknod, 2 read, 4 write. */
  readonly access: number;
};

/** What a list of rules comes to: a default, and what departs from it. */
export type DevicePolicy = { readonly allowByDefault: boolean; readonly exceptions: readonly DeviceException[] };

/**
 * Applies rules in their order as the v1 device cgroup does, so that v1 files and a v2 program come from one reading.
 *
 * A rule for all devices sets the default and forgets what came before it. Another one adds to the exceptions when it
 * goes against the default, and takes away from them when it goes along.
 *
 * @throws invalid
 */
export function readDeviceRules(rules: readonly LinuxDeviceRule[]): DevicePolicy {
  let allowByDefault = true;
  const exceptions = new Map<string, DeviceException>();
  for (const rule of rules) {
    const access = parseAccess(rule.access);
    const everything = (rule.type ?? 'a') === 'a' && wild(rule.major) && wild(rule.minor);
    if (everything) {
      allowByDefault = rule.allow;
      exceptions.clear();
      continue;
    }
    for (const type of typesOf(rule)) {
      const major = wild(rule.major) ? undefined : rule.major;
      const minor = wild(rule.minor) ? undefined : rule.minor;
      const key = `${type} ${major ?? '*'}:${minor ?? '*'}`;
      const had = exceptions.get(key)?.access ?? 0;
      const has = rule.allow === allowByDefault ? had & ~access : had | access;
      if (has === 0) exceptions.delete(key);
      else exceptions.set(key, { type, major, minor, access: has });
    }
  }
  return { allowByDefault, exceptions: [...exceptions.values()] };
}

// config.json writers say "all" by -1 as well as by absence.
const wild = (value: number | undefined): boolean => value === undefined || value === -1;

function typesOf(rule: LinuxDeviceRule): readonly ('c' | 'b')[] {
  switch (rule.type ?? 'a') {
    case 'c':
    case 'u':
      return ['c'];
    case 'b':
      return ['b'];
    case 'a':
      return ['c', 'b'];
    default:
      throw new EngineError('invalid', `cannot read device rule: unknown type "${rule.type}"`);
  }
}

function parseAccess(text: string | undefined): number {
  let access = 0;
  for (const letter of text || 'rwm') {
    const bit = accessBit[letter];
    if (bit === undefined) throw new EngineError('invalid', `cannot read device rule: unknown access "${text}"`);
    access |= bit;
  }
  return access;
}

/** Prints an exception as devices.allow and devices.deny take it: `c 1:3 rwm`. */
export function formatException({ type, major, minor, access }: DeviceException): string {
  const letters = `${access & 2 ? 'r' : ''}${access & 4 ? 'w' : ''}${access & 1 ? 'm' : ''}`;
  return `${type} ${major ?? '*'}:${minor ?? '*'} ${letters}`;
}
