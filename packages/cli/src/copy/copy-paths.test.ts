import { expect, test } from 'bun:test';
import {
  absolutePath,
  type CopySource,
  type CopyTarget,
  linkedPath,
  parseCopyEnd,
  planCopy,
  rebaseName,
  splitEntry,
} from './copy-paths.ts';

test.each([
  ['web:/etc', 'web', '/etc'],
  ['web:etc', 'web', 'etc'],
  ['web:', 'web', ''],
  ['/a:b', '', '/a:b'],
  ['./a:b', '', './a:b'],
  ['plain', '', 'plain'],
  ['-', '', '-'],
])('%s is in container "%s", path %s', (text, container, path) => {
  expect(parseCopyEnd(text)).toEqual({ container, path });
});

test.each([
  ['/a/b', '/a', 'b'],
  ['/a/b/', '/a', 'b'],
  ['/a/b/.', '/a/b', '.'],
  ['/a/./b/../c', '/a', 'c'],
  ['/', '/', '/'],
  ['/.', '/', '.'],
  ['/a', '/', 'a'],
  ['a', '.', 'a'],
  ['.', '.', '.'],
])('%s is in %s, called %s', (path, directory, name) => {
  expect(splitEntry(path)).toEqual({ directory, name });
});

test.each([
  ['x', '/w/x'],
  ['x/', '/w/x/'],
  ['x/.', '/w/x/.'],
  ['.', '/w/.'],
  ['..', '/'],
  ['/a/../b', '/b'],
])('%s from /w is %s', (path, absolute) => {
  expect(absolutePath(path, '/w')).toBe(absolute);
});

test('a link is followed to where its text leads, and the copy keeps the name that was asked for', () => {
  expect(linkedPath('/a/link', 'b')).toBe('/a/b');
  expect(linkedPath('/a/link', '../b')).toBe('/b');
  expect(linkedPath('/a/link', '/c')).toBe('/c');
  expect(rebaseName('/a/link', '/a/b')).toEqual({ path: '/a/b', rename: 'link' });
  expect(rebaseName('/a/link/', '/a/b')).toEqual({ path: '/a/b/', rename: 'link' });
  expect(rebaseName('/a/link/.', '/a/b')).toEqual({ path: '/a/b/.', rename: '' });
  expect(rebaseName('/a/b', '/a/b')).toEqual({ path: '/a/b', rename: '' });
});

const file: CopySource = { path: '/s/f', isDirectory: false, rename: '' };
const directory: CopySource = { path: '/s/d', isDirectory: true, rename: '' };
const content: CopySource = { path: '/s/d/.', isDirectory: true, rename: '' };
const absent = (path: string): CopyTarget => ({ path, exists: false, isDirectory: false });
const there = (path: string, isDirectory: boolean): CopyTarget => ({ path, exists: true, isDirectory });

test.each<[string, [CopySource, CopyTarget], [directory: string, from: string, rename: string | undefined]]>([
  ['a file into a directory', [file, there('/t', true)], ['/t', 'f', undefined]],
  ['a file onto a file', [file, there('/t/g', false)], ['/t', 'f', 'g']],
  ['a file to a new name', [file, absent('/t/g')], ['/t', 'f', 'g']],
  ['a directory into a directory', [directory, there('/t/', true)], ['/t/', 'd', undefined]],
  ['a directory to a new name', [directory, absent('/t/n/')], ['/t', 'd', 'n']],
  ['the content of a directory into one', [content, there('/t', true)], ['/t', '.', undefined]],
  ['the content of a directory to a new name', [content, absent('/t/n')], ['/t', '.', 'n']],
  ['a followed link', [{ ...file, rename: 'link' }, there('/t', true)], ['/t', 'link', undefined]],
])('%s', (_, [source, target], [into, from, rename]) => {
  expect(planCopy(source, target)).toEqual({ directory: into, from, rename });
});

test('what Docker refuses is refused in its words', () => {
  expect(() => planCopy(directory, there('/t/f', false))).toThrow('cannot copy directory');
  expect(() => planCopy(file, absent('/t/n/'))).toThrow('no such directory');
});
