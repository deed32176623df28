import { expect, test } from 'bun:test';
import { goMode, pathStatHeader } from './path-stat.ts';

test.each([
  ['a file', 0o100644, 420],
  ['a directory with the sticky bit', 0o041777, 2148532735],
  ['a symbolic link', 0o120777, 134218239],
  ['a character device', 0o020666, 2 ** 26 + 2 ** 21 + 0o666],
  ['a block device', 0o060600, 2 ** 26 + 0o600],
  ['a fifo', 0o010644, 2 ** 25 + 0o644],
  ['a socket', 0o140755, 2 ** 24 + 0o755],
  ['a file that sets user and group', 0o106755, 2 ** 23 + 2 ** 22 + 0o755],
])('the mode of %s is Go’s', (_, mode, wanted) => {
  expect(goMode(mode)).toBe(wanted);
});

test('the header is what Docker Engine sent for the same link', () => {
  const stat = { name: 'lnk', sizeBytes: 2, mode: 0o120777, modifiedNs: 1795646604009148633n, linkTarget: '/a' };
  const recorded =
    'eyJuYW1lIjoibG5rIiwic2l6ZSI6MiwibW9kZSI6MTM0MjE4MjM5LCJtdGltZSI6IjIwMjYtMTEtMjVUMjI6NDM6MjQuMDA5MTQ4NjMzWiIsImxpbmtUYXJnZXQiOiIvYSJ9';
  expect(pathStatHeader(stat)).toEqual({ 'X-Docker-Container-Path-Stat': recorded });
});
