import { expect, test } from 'bun:test';
import { explainHang } from './hang.ts';

const kernel = 'waits in the kernel and cannot be interrupted';

/** Each state is the process's letter and its shim's. */
const cases: readonly (readonly [fact: string, states: string, what: string | undefined])[] = [
  ['both sleep', 'SS', undefined],
  ['a process that a signal stopped is as its user wants it', 'TS', undefined],
  ['a stopped shim', 'ST', 'its shim, process 7, is stopped'],
  ['a traced shim', 'St', 'its shim, process 7, is stopped'],
  ['a shim in the kernel', 'SD', `its shim, process 7, ${kernel}`],
  ['a process in the kernel', 'DS', `its process 8 ${kernel}`],
];

test.each(cases)('%s', (_fact, states, what) => {
  const [init, shim] = states;
  expect(explainHang({ pid: 8, state: init }, { pid: 7, state: shim }, false)?.what).toBe(what);
});

test('a frozen process looks like one that hangs, and is none', () => {
  expect(explainHang({ pid: 8, state: 'D' }, { pid: 7, state: 'S' }, true)).toBeUndefined();
});
