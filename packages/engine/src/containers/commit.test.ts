import { expect, test } from 'bun:test';
import { commitConfig } from './commit.ts';
import { emptyConfig } from './record-fixture.ts';

const own = { ...emptyConfig, cmd: ['sh'], env: ['A=1', 'B=2'], labels: { x: 'y' }, user: 'web', workingDir: '/srv' };

test('without a word an image runs as its container did', () => {
  expect(commitConfig(own, { config: undefined, changes: [] })).toMatchObject({
    cmd: ['sh'],
    env: ['A=1', 'B=2'],
    labels: { x: 'y' },
    user: 'web',
    workingDir: '/srv',
  });
});

test('changes are made to the container’s config, and a new entrypoint drops the old one’s command', () => {
  const changes = ['ENV B=3 C=4', 'WORKDIR deeper', 'ENTRYPOINT ["cat"]'];
  expect(commitConfig(own, { config: undefined, changes })).toMatchObject({
    cmd: undefined,
    entrypoint: ['cat'],
    env: ['A=1', 'B=3', 'C=4'],
    workingDir: '/srv/deeper',
  });
  expect(commitConfig(own, { config: undefined, changes: ['CMD ["x"]', 'ENTRYPOINT ["cat"]'] }).cmd).toEqual(['x']);
});

test('a config in the request lies over the container’s', () => {
  const config = { ...emptyConfig, cmd: ['echo'], env: ['B=9'], labels: { z: '1' } };
  expect(commitConfig(own, { config, changes: [] })).toMatchObject({
    cmd: ['echo'],
    env: ['B=9', 'A=1'],
    labels: { x: 'y', z: '1' },
    user: 'web',
  });
});
