import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalRegistry, startLocalRegistry } from '../../tools/local-registry.ts';
import type { CommandResult } from '../harness/command.ts';
import { type ClientName, startEngine, type TestEngine } from '../harness/engine.ts';
import { makeImage, makeLayer, makeTar, pushImage } from './made-image.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

let engine: TestEngine;
let registry: LocalRegistry;
let work: string;
const clients: readonly ClientName[] = ['docker', 'gantry'];

const imageFor = (architecture: string, variant?: string): ReturnType<typeof makeImage> =>
  makeImage([makeLayer(makeTar([{ kind: 'file', path: 'f', text: architecture }]))], {
    architecture,
    ...(variant !== undefined && { variant }),
  });

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'gantry-manifest-'));
  registry = await startLocalRegistry(join(work, 'registry'));
  engine = await startEngine();
  await pushImage(`http://${registry.host}/v2/app`, 'amd64', imageFor('amd64'));
  await pushImage(`http://${registry.host}/v2/other`, 'arm', imageFor('arm', 'v7'));
  await engine.output('docker', ['tag', 'busybox', `${registry.host}/app:schema2`]);
  await engine.output('docker', ['push', `${registry.host}/app:schema2`]);
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  rmSync(work, { recursive: true });
});

/**
 * Runs the same on both, each with a configuration of its own. One after the other: Debian's registry fails when two
 * clients mount the same blob at once.
 */
async function both(argv: readonly string[]): Promise<readonly CommandResult[]> {
  const [verb = '', ...words] = argv;
  const flags = ['create', 'inspect', 'push'].includes(verb) ? ['--insecure'] : [];
  const results: CommandResult[] = [];
  for (const client of clients) {
    const environment = { DOCKER_CONFIG: join(work, client) };
    results.push(await engine.run(client, ['manifest', verb, ...flags, ...words], { environment }));
  }
  return results;
}

test('docker and gantry make, show, change, push and remove the same lists', async () => {
  const app = `${registry.host}/app`;
  const [list, amd64, schema2] = [`${app}:list`, `${app}:amd64`, `${app}:schema2`];
  const arm = `${registry.host}/other:arm`;
  const commands: readonly (readonly string[])[] = [
    ['create', list, amd64, arm, schema2],
    ['create', list, amd64],
    ['create', '--amend', list, amd64],
    ['inspect', list],
    ['inspect', '-v', list],
    ['inspect', list, schema2],
    ['annotate', list, schema2, '--arch', 'riscv64', '--os', 'linux', '--variant', 'v1'],
    ['annotate', list, schema2, '--os-version', '1', '--os-features', 'a,b'],
    ['annotate', list, schema2, '--arch', 'nope'],
    ['annotate', list, `${app}:nope`, '--arch', 'arm'],
    ['annotate', `${app}:nope`, amd64, '--arch', 'arm'],
    ['inspect', list],
    ['push', list],
    ['push', '--purge', list],
    ['push', list],
    ['inspect', list],
    ['inspect', '-v', list],
    ['inspect', amd64],
    ['inspect', '-v', amd64],
    ['inspect', `${app}:nope`],
    ['create', `${app}:second`, `${app}:nope`],
    ['create', `${app}:second`, list],
    ['create', `${app}:second`, schema2, amd64],
    ['push', `${app}:second`],
    ['rm', `${app}:second`, `${app}:third`],
    ['rm', `${app}:second`],
  ];
  for (const argv of commands) {
    const [theirs, ours] = await both(argv);
    expect([argv, ours]).toEqual([argv, theirs]);
  }
});

test('each goes on with a list that the other began', async () => {
  const [list, amd64] = [`${registry.host}/app:shared`, `${registry.host}/app:amd64`];
  const environment = { DOCKER_CONFIG: join(work, 'shared') };
  const run = (client: ClientName, ...argv: string[]): Promise<string> =>
    engine.output(client, ['manifest', ...argv], { environment });
  await run('gantry', 'create', '--insecure', list, amd64);
  await run('docker', 'annotate', list, amd64, '--os', 'linux', '--arch', 'arm64');
  expect(await run('gantry', 'push', '--insecure', list)).toStartWith('sha256:');
  expect(await run('docker', 'inspect', '--insecure', list)).toContain('"architecture": "arm64"');
});

test('an image is looked at in its registry, and what is not there is not found', async () => {
  const look = async (name: string): Promise<unknown> => {
    const response = await engine.api('GET', `/distribution/${registry.host}/${name}/json`);
    return [response.status, await response.json()];
  };
  const image = imageFor('arm', 'v7');
  expect(await look('other:arm')).toEqual([
    200,
    {
      Descriptor: {
        mediaType: image.manifest.mediaType,
        digest: image.manifest.digest,
        size: image.manifest.bytes.length,
      },
      Platforms: [{ architecture: 'arm', os: 'linux', variant: 'v7' }],
    },
  ]);
  expect(await look('app:list')).toMatchObject([
    200,
    { Platforms: [{ os: 'linux' }, { os: 'linux' }, { os: 'linux' }] },
  ]);
  expect(await look('app:nope')).toMatchObject([404, { message: expect.stringContaining('manifest unknown') }]);
});
