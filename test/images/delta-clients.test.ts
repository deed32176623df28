import { expect, setDefaultTimeout, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { type ClientName, startEngine } from '../harness/engine.ts';
import { startCountingWire } from '../registry/counting-wire.ts';
import { startRegistry } from '../registry/registry-server.ts';
import { makeTar } from './made-image.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

const clients: readonly ClientName[] = ['docker', 'gantry'];
const noise = Array.from({ length: 60 }, () => randomBytes(48 * 1024).toString('base64'));

function rootOf(version: number): Uint8Array {
  const textOf = (text: string, i: number): string => (i === 30 ? `version ${version}: ${text}` : text);
  return makeTar(noise.map((text, i) => ({ kind: 'file', path: `app/file${i}`, text: textOf(text, i) })));
}

test.each(clients)('what %s pulled by a delta is the image, and can be pushed, saved and checked', async (client) => {
  await using registry = await startRegistry();
  await using wire = await startCountingWire(new URL(registry.url()));
  await using maker = await startEngine({ busybox: false });
  await using engine = await startEngine({ busybox: false });
  const app = `${wire.host}/app`;
  for (const version of [1, 2]) {
    await maker.output('docker', ['import', '-', `${app}:${version}`], { stdin: rootOf(version) });
    await maker.output(client, ['push', '-q', `${app}:${version}`]);
  }
  await engine.output(client, ['pull', `${app}:1`]);
  const whole = wire.take();
  const shown = await engine.output(client, ['pull', `${app}:2`]);
  expect(wire.take()).toBeLessThan(whole / 10);
  expect(shown).toContain('Pull complete');
  const inspect = ['image', 'inspect', '-f', '{{.Id}} {{.RepoDigests}} {{.RootFS.Layers}}', `${app}:2`];
  const image = await engine.output(client, inspect);
  expect(image).toBe(await maker.output(client, inspect));

  // The registry has the blob that is not here: the same manifest goes out again, and no layer.
  await engine.output(client, ['tag', `${app}:2`, `${wire.host}/copy:2`]);
  expect(await engine.output(client, ['push', `${wire.host}/copy:2`])).toContain('Mounted from app');
  const digest = /@(sha256:\w+)/.exec(image)?.[1] ?? '';
  expect(await engine.output(client, inspect.with(-1, `${wire.host}/copy:2`))).toContain(`/copy@${digest}`);

  // Another registry gets the layer packed here.
  await using elsewhere = await startRegistry();
  const there = `${new URL(elsewhere.url()).host}/app:2`;
  await engine.output(client, ['tag', `${app}:2`, there]);
  await engine.output(client, ['push', there]);

  const archive = `${engine.root}/image.tar`;
  await engine.output(client, ['save', '-o', archive, `${app}:2`]);
  await maker.output(client, ['rmi', `${app}:2`]);
  await maker.output(client, ['load', '-i', archive]);
  expect((await maker.output(client, inspect)).split(' ')[0]).toBe(image.split(' ')[0] ?? '');
  expect(await engine.run('gantry', ['system', 'fsck', '--verify'])).toMatchObject({ exitCode: 0 });
});
