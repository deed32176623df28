import { describe, expect, test } from 'bun:test';
import type { NetworkRecord, VolumeRecord } from '@gantry/engine';
import { imageFixture } from '../print/record-fixture.ts';
import { checkFilters, filterSwitch, matchesLabels, matchesName, untilOf } from './filters.ts';
import { imageFilter, imagePruneFilter } from './images.ts';
import { networkFilter } from './networks.ts';
import { volumeFilter, volumePruneFilter } from './volumes.ts';

const filters = (entries: Record<string, string[]>): ReadonlyMap<string, readonly string[]> =>
  new Map(Object.entries(entries));
const now = new Date('2026-11-20T00:00:00Z');

describe('what all filters share', () => {
  test('an unknown key is refused in Docker’s words', () => {
    expect(() => checkFilters(filters({ nope: ['a'] }), ['name'])).toThrow("invalid filter 'nope'");
  });

  test.each([
    ['24h', '2026-11-19T00:00:00.000Z'],
    ['1h30m', '2026-11-19T22:30:00.000Z'],
    ['1795217198', '2026-11-20T23:26:38.000Z'],
    ['2026-01-01', '2026-01-01T00:00:00.000Z'],
  ])('until %s', (value, moment) => {
    expect(untilOf(filters({ until: [value] }), now)?.toISOString()).toBe(moment);
  });

  test('nonsense is refused', () => {
    expect(() => untilOf(filters({ until: ['soon'] }), now)).toThrow("invalid filter 'until=soon'");
    expect(() => filterSwitch(filters({ dangling: ['perhaps'] }), 'dangling')).toThrow(
      "invalid filter 'dangling=perhaps'",
    );
  });

  test('labels must all be there, and none of the unwanted', () => {
    const labels = { a: '1', b: '' };
    expect(matchesLabels(filters({ label: ['a', 'a=1', 'b='] }), labels)).toBe(true);
    expect(matchesLabels(filters({ label: ['a', 'c'] }), labels)).toBe(false);
    expect(matchesLabels(filters({ 'label!': ['a=2'] }), labels)).toBe(true);
    expect(matchesLabels(filters({ 'label!': ['a'] }), labels)).toBe(false);
  });

  test('a name that is no expression is a part of a name', () => {
    expect([matchesName('^we', 'web'), matchesName('(', 'a(b'), matchesName('x', 'web')]).toEqual([true, true, false]);
  });
});

describe('images', () => {
  const older = { ...imageFixture, id: 'sha256:old', tags: [], createdAt: new Date('2020-01-01T00:00:00Z') };
  const find = (reference: string): typeof imageFixture => (reference === 'old' ? older : imageFixture);
  const accepted = (entries: Record<string, string[]>): string[] =>
    [imageFixture, older].filter(imageFilter(filters(entries), { now, find })).map(({ id }) => id);

  test.each([
    [{}, [imageFixture.id, older.id]],
    [{ dangling: ['true'] }, [older.id]],
    [{ dangling: ['false'] }, [imageFixture.id]],
    [{ since: ['old'] }, [imageFixture.id]],
    [{ before: ['bb:1'] }, [older.id]],
    [{ reference: ['bb'] }, [imageFixture.id]],
    [{ reference: ['b*:1'] }, [imageFixture.id]],
    [{ reference: ['localhost:5000/*'] }, [imageFixture.id]],
    [{ reference: ['*'] }, [imageFixture.id]],
    [{ reference: ['c*'] }, []],
    [{ until: ['2021-01-01'] }, [older.id]],
  ])('%j', (entries, ids) => {
    expect(accepted(entries as Record<string, string[]>)).toEqual(ids);
  });

  test('a prune takes dangling images, or all that are unused', () => {
    expect([imageFixture, older].map(imagePruneFilter(filters({}), now))).toEqual([false, true]);
    expect([imageFixture, older].map(imagePruneFilter(filters({ dangling: ['false'] }), now))).toEqual([true, true]);
  });
});

test('volumes by use, driver and name; a prune takes anonymous ones only', () => {
  const volume = {
    name: 'v1',
    driver: 'local',
    anonymous: false,
    labels: {},
    options: {},
    mountpoint: '',
    createdAt: now,
  } satisfies VolumeRecord;
  const inUse = (): boolean => true;
  expect(volumeFilter(filters({ dangling: ['true'] }), inUse)(volume)).toBe(false);
  expect(volumeFilter(filters({ name: ['v'], driver: ['local'] }), inUse)(volume)).toBe(true);
  expect(volumePruneFilter(filters({}))(volume)).toBe(false);
  expect(volumePruneFilter(filters({ all: ['1'] }))(volume)).toBe(true);
  expect(volumePruneFilter(filters({}))({ ...volume, anonymous: true })).toBe(true);
});

test('networks by type, name and use', () => {
  const network = { id: 'abc', name: 'n1', driver: 'bridge', labels: {} } as NetworkRecord;
  const bridge = { ...network, name: 'bridge' };
  const accept = (entries: Record<string, string[]>): boolean[] => {
    return [network, bridge].map(networkFilter(filters(entries), () => false));
  };
  expect(accept({ type: ['custom'] })).toEqual([true, false]);
  expect(accept({ dangling: ['true'] })).toEqual([true, false]);
  expect(accept({ name: ['n'], id: ['ab'] })).toEqual([true, false]);
  expect(() => accept({ type: ['odd'] })).toThrow("invalid filter: 'type'='odd'");
});
