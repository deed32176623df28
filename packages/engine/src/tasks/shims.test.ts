import { expect, test } from 'bun:test';
import { openShims } from './shims.ts';

test('a shim that cannot be made ahead is nobody’s failure', () => {
  using shims = openShims('/nonexistent/program');
  // It is asked for by timers and by ends of tasks: what it threw there would end the daemon.
  expect(() => shims.makeReady()).not.toThrow();
});
