import { expect, test } from 'bun:test';
import { matchesEvent } from './filter.ts';
import type { EngineEvent } from './types.ts';

const started: EngineEvent = {
  type: 'container',
  action: 'start',
  actorId: 'abcdef123456',
  attributes: { name: 'web', image: 'docker.io/library/nginx:1', tier: 'front' },
  timeNanos: 1n,
};
const execCreated: EngineEvent = { ...started, action: 'exec_create: sh -c ls' };
const pulled: EngineEvent = {
  type: 'image',
  action: 'pull',
  actorId: 'busybox:1.35',
  attributes: { name: 'busybox' },
  timeNanos: 2n,
};

const events = { started, execCreated, pulled };

test.each<[keyof typeof events, Record<string, string[]>, boolean]>([
  ['started', {}, true],
  ['started', { container: ['web'] }, true],
  ['started', { container: ['w'] }, true],
  ['started', { container: ['abc'] }, true],
  ['started', { container: ['other', 'web'] }, true],
  ['started', { container: ['eb'] }, false],
  ['started', { event: ['stop', 'start'] }, true],
  ['started', { event: ['star'] }, false],
  ['execCreated', { event: ['exec_create'] }, true],
  ['execCreated', { event: ['exec_start'] }, false],
  ['started', { type: ['image'] }, false],
  ['started', { type: ['container'], event: ['die'] }, false],
  ['started', { label: ['tier'] }, true],
  ['started', { label: ['tier=front', 'name=web'] }, true],
  ['started', { label: ['tier=front', 'zone'] }, false],
  ['started', { image: ['nginx'] }, true],
  ['started', { image: ['docker.io/library/nginx:1'] }, true],
  ['started', { image: ['ngin'] }, false],
  ['pulled', { image: ['busybox:1.35'] }, true],
  ['pulled', { image: ['busybox'] }, true],
  ['pulled', { scope: ['local'] }, true],
  ['pulled', { scope: ['swarm'] }, false],
])('the event %s with %j: %j', (name, filters, passes) => {
  expect(matchesEvent(events[name], new Map(Object.entries(filters)))).toBe(passes);
});
