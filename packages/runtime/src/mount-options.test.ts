import { expect, test } from 'bun:test';
import { mountAttr, mountFlag, parseMountOptions } from './mount-options.ts';

/** The whole table of the specification: every option is an attribute, a propagation, a shape or without effect. */
const must =
  'async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime noexec noiversion ' +
  'nolazytime norelatime nostrictatime nosuid private rbind relatime remount ro rprivate rshared rslave runbindable rw ' +
  'shared silent slave strictatime suid sync unbindable';
const should =
  'nosymfollow ratime rdev rdiratime rexec rnoatime rnodiratime rnoexec rnorelatime rnostrictatime rnosuid ' +
  'rnosymfollow rrelatime rro rrw rstrictatime rsuid rsymfollow symfollow idmap ridmap';
// fsconfig takes these by name, as flags of the superblock.
const superblock = new Set(['async', 'dirsync', 'lazytime', 'nolazytime', 'sync']);

test('every option of the specification is understood', () => {
  const unknown = `${must} ${should}`
    .split(' ')
    .filter((option) => !superblock.has(option) && parseMountOptions([option]).data.length > 0);
  expect(unknown).toEqual([]);
  expect(parseMountOptions([...superblock, 'size=64m', 'mode=1777']).data).toEqual([
    ...superblock,
    'size=64m',
    'mode=1777',
  ]);
});

test('later options win, and an access-time attribute clears its whole field', () => {
  expect(parseMountOptions(['ro', 'rw', 'nosuid'])).toMatchObject({
    attrSet: mountAttr.noSuid,
    attrClear: mountAttr.readOnly,
  });
  expect(parseMountOptions(['noatime', 'strictatime'])).toMatchObject({
    attrSet: mountAttr.strictAccessTime,
    attrClear: mountAttr.accessTime,
  });
  expect(parseMountOptions(['noatime', 'relatime'])).toMatchObject({ attrSet: 0n, attrClear: mountAttr.accessTime });
});

test('recursion is told apart for the tree, the attributes and the propagation', () => {
  const shape = (...options: string[]) => {
    const { bind, recursiveBind, recursiveAttrs, recursivePropagation, propagation } = parseMountOptions(options);
    return { bind, recursiveBind, recursiveAttrs, recursivePropagation, propagation };
  };
  expect(shape('rbind', 'rro', 'rslave')).toEqual({
    bind: true,
    recursiveBind: true,
    recursiveAttrs: true,
    recursivePropagation: true,
    propagation: mountFlag.slave,
  });
  expect(shape('bind', 'ro', 'shared')).toEqual({
    bind: true,
    recursiveBind: false,
    recursiveAttrs: false,
    recursivePropagation: false,
    propagation: mountFlag.shared,
  });
});
