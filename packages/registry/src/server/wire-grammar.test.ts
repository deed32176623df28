import { expect, test } from 'bun:test';
import { formatUploadRange, parseContentRange, parseRange } from './byte-range.ts';
import { parseRepositoryName, parseTagOrDigest, parseUploadId } from './names.ts';
import { linkHeaders, maximumPageEntries, parsePageAsked, takePage } from './pagination.ts';

const sha256 = `sha256:${'a'.repeat(64)}`;

test('a repository name is a path that stays below its directory', () => {
  for (const name of ['a', 'library/busybox', 'a/b/c', 'a.b_c__d-e---f/0', 'x'.repeat(255)])
    expect(parseRepositoryName(name)).toBe(name as never);
  const refused = [
    '',
    '..',
    'a/../b',
    '/a',
    'a/',
    'a//b',
    '.a',
    'a/.b',
    '_a',
    'a/_tags',
    'A',
    'a b',
    'a%2fb',
    'a\0b',
    'ä',
  ];
  for (const name of [...refused, 'x'.repeat(256)])
    expect(() => parseRepositoryName(name)).toThrow('invalid repository name');
});

test('a reference is a tag or a digest, and nothing else', () => {
  expect(parseTagOrDigest('v1.0_x-Y')).toEqual({ kind: 'tag', tag: 'v1.0_x-Y' });
  expect(parseTagOrDigest(sha256)).toEqual({ kind: 'digest', digest: sha256 as never });
  for (const text of ['', '.', '..', '-a', 'a/b', 'x'.repeat(129)])
    expect(() => parseTagOrDigest(text)).toThrow('invalid tag');
  for (const text of ['sha256:ab', `md5:${'a'.repeat(32)}`, `sha256:${'A'.repeat(64)}`, `${sha256}/../x`])
    expect(() => parseTagOrDigest(text)).toThrow();
});

test('an upload is named by a UUID that cannot be a path', () => {
  expect(parseUploadId('6f1f0a5e-0000-4000-8000-000000000000')).toBe('6f1f0a5e-0000-4000-8000-000000000000' as never);
  for (const text of ['', '..', 'x', '6F1F0A5E-0000-4000-8000-000000000000'])
    expect(() => parseUploadId(text)).toThrow();
});

test('a range of a blob is what RFC 9110 says', () => {
  const rows: readonly (readonly [string | null, ReturnType<typeof parseRange>])[] = [
    [null, undefined],
    ['bytes=0-9', { first: 0, last: 9 }],
    ['bytes=90-', { first: 90, last: 99 }],
    ['bytes=90-1000', { first: 90, last: 99 }],
    ['bytes=-10', { first: 90, last: 99 }],
    ['bytes=-1000', { first: 0, last: 99 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=9-0', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=99999999999999999999-', 'unsatisfiable'],
    ['bytes=0-1,5-6', undefined],
    ['lines=0-1', undefined],
    ['bytes=-', undefined],
    ['bytes=a-b', undefined],
  ];
  for (const [header, expected] of rows) expect([header, parseRange(header, 100)]).toEqual([header, expected]);
  expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
});

test('the range of a chunk is read as the specification has it, and as HTTP has it', () => {
  expect(parseContentRange(null)).toBeUndefined();
  expect(parseContentRange('0-0')).toEqual({ first: 0, last: 0 });
  expect(parseContentRange('bytes 5-9/*')).toEqual({ first: 5, last: 9 });
  for (const text of ['', '5', '9-5', '-5', '5-', 'a-b', '0-99999999999999999999', 'bytes */5'])
    expect(() => parseContentRange(text)).toThrow('invalid Content-Range');
  expect([0, 1, 100].map(formatUploadRange)).toEqual(['0-0', '0-0', '0-99']);
});

test('pages follow each other without a gap, in ASCII order', () => {
  const all = ['b', 'a', 'B', '1', 'a.1'];
  expect(takePage(all, { count: 2, last: '' })).toEqual({ entries: ['1', 'B'], next: 'B' });
  expect(takePage(all, { count: 2, last: 'B' })).toEqual({ entries: ['a', 'a.1'], next: 'a.1' });
  expect(takePage(all, { count: 2, last: 'a.1' })).toEqual({ entries: ['b'], next: undefined });
  expect(takePage(all, { count: 0, last: '' })).toEqual({ entries: [], next: undefined });
  expect(takePage(all, { count: undefined, last: 'a0' })).toEqual({ entries: ['b'], next: undefined });
});

test('no count makes a page larger than pages are', () => {
  const all = Array.from({ length: maximumPageEntries + 1 }, (_, index) => String(index).padStart(6, '0'));
  const page = takePage(all, parsePageAsked(new URLSearchParams('n=2147483648')));
  expect([page.entries.length, page.next]).toEqual([maximumPageEntries, '009999']);
  for (const n of ['-1', 'x', '', '1.5', '1e3', '9'.repeat(16)])
    expect(() => parsePageAsked(new URLSearchParams({ n }))).toThrow('invalid number of results');
});

test('a link carries what was asked for to the next page', () => {
  expect(linkHeaders('/v2/_catalog', { n: '2', last: 'a/b' })).toEqual({
    link: '</v2/_catalog?n=2&last=a%2Fb>; rel="next"',
  });
  expect(linkHeaders('/v2/_catalog', { n: '2', last: undefined })).toEqual({});
});
