import { expect, test } from 'bun:test';
import { parsePs } from './parse-ps.ts';

const output = `UID          PID    PPID  C STIME TTY          TIME CMD
root           1       0  0 10:00 ?        00:00:01 /sbin/init splash
root          42       1  0 10:01 ?        00:00:00 sh -c  sleep 1
root           -       -  0 10:01 -        00:00:00 -
root          77       1  0 10:02 ?        00:00:00 other
root           -       -  0 10:02 -        00:00:00 -
`;

test('lines of the container are chosen by PID, with their threads; the last column keeps its blanks', () => {
  expect(parsePs(output, new Set([42]))).toEqual({
    titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'],
    processes: [
      ['root', '42', '1', '0', '10:01', '?', '00:00:00', 'sh -c sleep 1'],
      ['root', '-', '-', '0', '10:01', '-', '00:00:00', '-'],
    ],
  });
});

test('an output without PIDs cannot be matched', () => {
  expect(() => parsePs('USER CMD\nroot x\n', new Set([1]))).toThrow("Couldn't find PID field in ps output");
  expect(() => parsePs('PID\nx\n', new Set([1]))).toThrow("Unexpected pid 'x'");
});
