import { expect, test } from 'bun:test';
import { capabilityList, capabilityMask, chooseCapabilities, defaultCapabilities } from './capabilities.ts';

const everything = 0x1ff_ffff_ffffn;
const request = { add: [], drop: [], privileged: false, available: everything };

test('names and masks are each other in the order of the kernel', () => {
  expect(capabilityMask(['CAP_CHOWN', 'CAP_SYS_ADMIN', 'CAP_CHECKPOINT_RESTORE'])).toBe(1n | (1n << 21n) | (1n << 40n));
  expect(capabilityMask(defaultCapabilities)).toBe(0xa80425fbn);
  expect(capabilityList(0xa80425fbn).sort()).toEqual([...defaultCapabilities].sort());
});

test('CapAdd and CapDrop by the rules of Docker', () => {
  expect(chooseCapabilities(request)).toEqual([...defaultCapabilities]);
  expect(chooseCapabilities({ ...request, add: ['net_admin'], drop: ['CAP_CHOWN', 'mknod'] })).toEqual([
    ...defaultCapabilities.filter((name) => name !== 'CAP_CHOWN' && name !== 'CAP_MKNOD'),
    'CAP_NET_ADMIN',
  ]);
  expect(chooseCapabilities({ ...request, add: ['ALL'], drop: ['SYS_ADMIN'] })).toHaveLength(40);
  expect(chooseCapabilities({ ...request, add: ['kill'], drop: ['all'] })).toEqual(['CAP_KILL']);
  expect(chooseCapabilities({ ...request, privileged: true, drop: ['ALL'] })).toHaveLength(41);
});

test('nothing is given that the engine does not hold', () => {
  const available = everything & ~(1n << 24n) & ~1n;
  expect(chooseCapabilities({ ...request, available })).not.toContain('CAP_CHOWN');
  expect(chooseCapabilities({ ...request, available, privileged: true })).not.toContain('CAP_SYS_RESOURCE');
  expect(() => chooseCapabilities({ ...request, available, add: ['SYS_RESOURCE'] })).toThrow(
    'capability not supported by your kernel or not available in the current environment: "CAP_SYS_RESOURCE"',
  );
  expect(() => chooseCapabilities({ ...request, add: ['fly'] })).toThrow('unknown capability: "CAP_FLY"');
});
