import { expect, test } from 'bun:test';
import { parseDigest } from '@gantry/oci';
import { parseRepositoryName } from '../names.ts';
import { ManifestCache } from './manifest-cache.ts';
import { Pins } from './pins.ts';

const [one, two] = ['1', '2'].map((digit) => parseDigest(`sha256:${digit.repeat(64)}`));
if (one === undefined || two === undefined) throw new Error('unreachable: two digests');

test('what was held at any moment of a collection is pinned until its end', () => {
  const pins = new Pins();
  const before = pins.hold([one]);
  {
    using _run = pins.beginCollecting();
    before[Symbol.dispose]();
    {
      using _pin = pins.hold([two]);
    }
    expect([pins.isPinned(one), pins.isPinned(two)]).toEqual([true, true]);
  }
  expect([pins.isPinned(one), pins.isPinned(two)]).toEqual([false, false]);
});

test('two holders of one digest hold it twice', () => {
  const pins = new Pins();
  const first = pins.hold([one]);
  const second = pins.hold([one, one]);
  first[Symbol.dispose]();
  expect(pins.isPinned(one)).toBe(true);
  second[Symbol.dispose]();
  expect(pins.isPinned(one)).toBe(false);
});

const name = parseRepositoryName('a');
const manifest = (sizeBytes: number) => ({ digest: one, mediaType: 'x', bytes: new Uint8Array(sizeBytes) });

test('the cache keeps what was used last, within its bytes', () => {
  const cache = new ManifestCache(4000);
  for (const tag of ['a', 'b']) cache.add(name, tag, { manifest: manifest(1000), epoch: cache.epoch });
  cache.get(name, 'a');
  cache.add(name, 'c', { manifest: manifest(1000), epoch: cache.epoch });
  expect(['a', 'b', 'c'].map((tag) => cache.get(name, tag) !== undefined)).toEqual([true, false, true]);
  cache.add(name, 'd', { manifest: manifest(9000), epoch: cache.epoch });
  expect(cache.get(name, 'd')).toBeUndefined();
});

test('what was read before a change is not cached after it', () => {
  const cache = new ManifestCache(4000);
  const { epoch } = cache;
  cache.forget(name, ['a']);
  cache.add(name, 'a', { manifest: manifest(1), epoch });
  expect(cache.get(name, 'a')).toBeUndefined();
});
