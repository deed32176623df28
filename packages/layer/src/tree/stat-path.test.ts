import { expect, test } from 'bun:test';
import { baseOf, cleanClientPath } from './stat-path.ts';

test.each([
  ['/a/b', '/a/b', 'b'],
  ['a/b', '/a/b', 'b'],
  ['/a/b/', '/a/b/', 'b'],
  ['/a/b/.', '/a/b/.', '.'],
  ['/a/../b', '/b', 'b'],
  ['../../etc', '/etc', 'etc'],
  ['/', '/', '/'],
  ['.', '/', '/'],
  ['/a//b///', '/a/b/', 'b'],
])('a client’s path %s is cleaned to %s and called %s', (path, clean, base) => {
  expect([cleanClientPath(path), baseOf(cleanClientPath(path))]).toEqual([clean, base]);
});
