import { describe, expect, test } from 'bun:test';
import { createBody, endpointConfig, networkCreateBody, type ProgressWire } from '@gantry/api';
import { createRequest } from './containers.ts';
import { pullReference } from './images.ts';
import { networkRequest } from './networks.ts';
import { progressLines } from './progress-lines.ts';
import { parseRegistryAuth } from './registry-auth.ts';

const query = { name: '', platform: '' };
const bodyOf = (wire: Parameters<typeof createBody.parse>[0]): ReturnType<typeof createBody.parse> =>
  createBody.parse(wire, '');

describe('a create request', () => {
  test('that says nothing is refused in Docker’s words', () => {
    expect(() => createRequest({ query, body: bodyOf({}) })).toThrow(
      'config cannot be empty in order to create a container',
    );
  });

  test('means the bridge by the default network, endpoint included', () => {
    const request = createRequest({
      query,
      body: bodyOf({
        Image: 'a',
        HostConfig: { NetworkMode: 'default', PidsLimit: 0 },
        NetworkingConfig: { EndpointsConfig: { default: { Aliases: ['x'] } } },
      }),
    });
    expect(request.hostConfig.networkMode).toBe('bridge');
    expect(request.hostConfig.pidsLimit).toBeUndefined();
    expect(request.endpoints).toEqual({ bridge: { ...endpointConfig.zero, aliases: ['x'] } });
  });

  test('gives the MAC address of the container to its endpoint', () => {
    const request = createRequest({
      query,
      body: bodyOf({ Image: 'a', MacAddress: '02:00:00:00:00:01', HostConfig: { NetworkMode: 'n' } }),
    });
    expect(request.config.macAddress).toBe('');
    expect(request.endpoints.n?.macAddress).toBe('02:00:00:00:00:01');
  });

  test('with two MAC addresses is refused', () => {
    const body = bodyOf({
      Image: 'a',
      MacAddress: '02:00:00:00:00:01',
      HostConfig: { NetworkMode: 'n' },
      NetworkingConfig: { EndpointsConfig: { n: { MacAddress: '02:00:00:00:00:02' } } },
    });
    expect(() => createRequest({ query, body })).toThrow('the container-wide MAC address must match');
  });
});

test.each([
  ['busybox', '1', { reference: 'busybox:1', allTags: false }],
  ['busybox', 'sha256:ab', { reference: 'busybox@sha256:ab', allTags: false }],
  ['busybox', '', { reference: 'busybox', allTags: true }],
  ['localhost:5000/a', '', { reference: 'localhost:5000/a', allTags: true }],
  ['localhost:5000/a:1', '', { reference: 'localhost:5000/a:1', allTags: false }],
])('pulling %s with tag %j', (fromImage, tag, reference) => {
  expect(pullReference(fromImage, tag)).toEqual(reference);
});

describe('credentials', () => {
  const header = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  test('an empty document is nobody', () => {
    expect([undefined, '', header({}), header({ username: '' })].map(parseRegistryAuth)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('a user and a password, together or apart', () => {
    const auth = { username: 'u', password: 'p:q', identityToken: '', registryToken: '', serverAddress: '' };
    expect(parseRegistryAuth(header({ username: 'u', password: 'p:q' }))).toEqual(auth);
    expect(parseRegistryAuth(header({ auth: btoa('u:p:q') }))).toEqual(auth);
  });

  test('what cannot be read is refused without being repeated', () => {
    const secret = Buffer.from('{"password":5555}').toString('base64url');
    expect(() => parseRegistryAuth(secret)).toThrow('invalid X-Registry-Auth header: it must be JSON in base64url');
  });
});

describe('a network request', () => {
  const body = networkCreateBody.parse({ Name: 'n' }, '');

  test('has Docker’s defaults', () => {
    expect(networkRequest(body)).toMatchObject({
      driver: 'bridge',
      enableIpv4: true,
      enableIpv6: false,
      ipam: { driver: 'default' },
    });
  });

  test('for what needs a swarm is refused by name', () => {
    expect(() => networkRequest({ ...body, ingress: true })).toThrow(
      'cannot create network "n": ingress networks need swarm mode, which is not supported',
    );
    expect(() => networkRequest({ ...body, configOnly: true })).toThrow(
      'configuration-only networks are not supported',
    );
  });
});

describe('progress', () => {
  async function linesOf(lines: AsyncIterable<ProgressWire>): Promise<readonly (string | undefined)[]> {
    const all: (string | undefined)[] = [];
    for await (const line of lines) all.push(line.status);
    return all;
  }
  const never = new AbortController().signal;

  test('is yielded in order, with the result at the end', async () => {
    const lines = progressLines(async (report) => {
      report({ status: 'one' });
      await Promise.resolve();
      report({ status: 'two' });
      return [{ status: 'done' }];
    }, never);
    expect(await linesOf(lines)).toEqual(['one', 'two', 'done']);
  });

  test('a slow reader gets the newest count of each step', async () => {
    const lines = progressLines(async (report) => {
      for (let current = 1; current <= 1000; current++)
        report({ id: 'a', status: 'Downloading', current, total: 1000 });
      return [];
    }, never);
    const all: ProgressWire[] = [];
    for await (const line of lines) all.push(line);
    expect(all.map((line) => line.progressDetail?.current)).toEqual([1000]);
  });

  test('what was reported before a failure comes before it', async () => {
    const seen: (string | undefined)[] = [];
    const lines = progressLines(async (report) => {
      report({ status: 'one' });
      throw new Error('broken');
    }, never);
    const read = async (): Promise<void> => {
      for await (const line of lines) seen.push(line.status);
    };
    await expect(read()).rejects.toThrow('broken');
    await read().catch(() => undefined);
    expect(seen).toEqual(['one']);
  });

  test('a reader that leaves cancels the job', async () => {
    let cancelled: AbortSignal | undefined;
    const lines = progressLines(async (report, signal) => {
      cancelled = signal;
      report({ status: 'one' });
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return [];
    }, never);
    for await (const _line of lines) break;
    expect(cancelled?.aborted).toBe(true);
  });
});
