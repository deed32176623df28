import { expect, test } from 'bun:test';
import { nearestTags } from './nearest-tags.ts';

test('the tags that a mistyped one most likely meant come first, and far ones not at all', () => {
  const tags = ['1.36', '1.36-glibc', '1.37', 'latest', 'unstable', 'v2'];
  expect(nearestTags('1.3', tags)).toEqual(['1.36', '1.37', '1.36-glibc']);
  expect(nearestTags('lastest', tags)).toEqual(['latest']);
  expect(nearestTags('v1', tags)).toEqual(['v2']);
  expect(nearestTags('nope', tags)).toEqual([]);
});
