import { describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readReply, requestOf } from './client/request.ts';
import type { Json } from './codec/json.ts';
import { createBody } from './nouns/create-request.ts';
import { type RouteName, routes } from './routes/table.ts';
import { unservedRoutes } from './routes/unserved.ts';
import { adaptReply, adaptRequest } from './versions/adapter.ts';
import { checkVersion } from './versions/version.ts';

function expectGolden(name: string, text: string): void {
  const directory = join(import.meta.dir, '__golden__');
  const path = join(directory, `${name}.txt`);
  if (process.env.GOLDEN === 'update' || !existsSync(path)) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, 'utf8'));
}

const pretty = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

test('the table of routes', () => {
  const served = Object.entries(routes).map(([name, route]) => {
    const failures = Object.keys(route.failures).join(' ');
    return `${route.method.padEnd(7)}${route.path.padEnd(34)}${route.shape.padEnd(9)}${route.since.padEnd(6)}${String(route.status).padEnd(5)}${failures.padEnd(20)}${name}`;
  });
  const unserved = unservedRoutes.map(([method, path, what]) => `${method.padEnd(7)}${path.padEnd(40)}${what}`);
  expectGolden('routes', `${served.join('\n')}\n\nnot served yet\n\n${unserved.join('\n')}\n`);
});

test('requests as the client prints them', () => {
  const requests = [
    requestOf(routes.ping),
    requestOf(routes.containerList, {
      version: '1.51',
      query: { all: true, limit: 5, filters: new Map([['label', ['a=b', 'c']]]) },
    }),
    requestOf(routes.containerCreate, { query: { name: 'web' }, body: createBody.zero }),
    requestOf(routes.containerStop, { path: { id: 'we b' }, query: { timeoutSeconds: 0 } }),
    requestOf(routes.containerLogs, {
      path: { id: 'c' },
      query: { stdout: true, follow: true, tail: '10', sinceNanos: 1795217198732101989n },
    }),
    requestOf(routes.containerAttach, { path: { id: 'c' }, query: { stream: true, stdin: true } }),
    requestOf(routes.execStart, { path: { id: 'e' }, body: { detach: false, tty: true, consoleSize: [24, 80] } }),
    requestOf(routes.imageCreate, { query: { fromSrc: '-', repo: 'a', changes: ['ENV a=b', 'CMD sh'] } }),
    requestOf(routes.imageInspect, { path: { name: 'localhost:5000/a/b:1' } }),
    requestOf(routes.networkConnect, { path: { id: 'n' }, body: { container: 'c', endpoint: undefined } }),
    requestOf(routes.volumePrune, { query: { filters: new Map([['all', ['true']]]) } }),
  ];
  const shown = requests.map(({ method, target, headers, body }) =>
    [
      `${method} ${target}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      ...(body === undefined ? [] : ['', body]),
    ].join('\n'),
  );
  expectGolden('requests', `${shown.join('\n\n---\n\n')}\n`);
});

describe('replies', () => {
  test('a failure is the error it was, hint included', () => {
    expect(() => readReply(routes.containerInspect, 404, '{"message":"No such container: x"}')).toThrow(
      'No such container: x',
    );
    expect(() => readReply(routes.version, 502, 'bad gateway')).toThrow('bad gateway');
  });

  test('a document comes back as it is', () => {
    expect(readReply(routes.volumeInspect, 200, '{"Name":"v"}').Name).toBe('v');
    expect(readReply(routes.containerStart, 204, '')).toBeUndefined();
  });
});

describe('versions', () => {
  test('those out of range are refused in Docker’s words', () => {
    expect(() => checkVersion('1.99')).toThrow('client version 1.99 is too new. Maximum supported API version is 1.51');
    expect(() => checkVersion('1.20')).toThrow(
      'client version 1.20 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
    );
    checkVersion('1.24');
    checkVersion('1.51');
  });

  const create = {
    Image: 'a',
    Healthcheck: { Test: ['CMD', 'x'], StartInterval: 5 },
    HostConfig: {
      ConsoleSize: [1, 2],
      Annotations: { a: 'b' },
      Mounts: [
        { Type: 'bind', BindOptions: { NonRecursive: true, CreateMountpoint: true, ReadOnlyNonRecursive: true } },
        { Type: 'tmpfs', TmpfsOptions: { Options: [['noexec']] } },
      ],
    },
  };

  test.each(['1.24', '1.40', '1.41', '1.42', '1.43', '1.44', '1.46'])('a create request of %s', (version) => {
    expectGolden(`create-${version}`, pretty(adaptRequest('containerCreate', version, { query: {}, body: create })));
  });

  test('the newest version is not touched', () => {
    const request = { query: {}, body: create };
    expect(adaptRequest('containerCreate', '1.51', request)).toEqual(request);
  });

  const replies: readonly (readonly [RouteName, string, Json])[] = [
    ['imageList', '1.50', [{ Id: 'i', Containers: 2, Size: 5, RepoTags: [], RepoDigests: [] }]],
    ['imageList', '1.40', [{ Id: 'i', Containers: 2, Size: 5, RepoTags: [], RepoDigests: [] }]],
    ['imageList', '1.42', [{ Id: 'i', Containers: 2, Size: 5, RepoTags: ['a:1'], RepoDigests: [] }]],
    ['imageInspect', '1.49', { Id: 'i', Size: 5, Config: { Cmd: ['sh'] } }],
    ['imageInspect', '1.40', { Id: 'i', Size: 5, Config: { Cmd: ['sh'] } }],
    ['info', '1.48', { ContainerdCommit: { ID: 'c' }, RuncCommit: { ID: 'r' }, InitCommit: { ID: 'i' } }],
    ['diskUsage', '1.40', { Images: [{ Size: 5 }] }],
    [
      'containerInspect',
      '1.44',
      {
        Id: '0123456789abcdef',
        NetworkSettings: {
          Networks: { bridge: { EndpointID: 'e', Aliases: null }, mine: { EndpointID: 'e', Aliases: ['web'] } },
        },
      },
    ],
  ];

  test('replies as older clients know them', () => {
    const shown = replies.map(
      ([name, version, reply]) => `${name} ${version}\n${pretty(adaptReply(name, version, reply))}`,
    );
    expectGolden('replies', shown.join('\n'));
  });

  test.each([
    ['imageRemove', 'platforms', '1.50'],
    ['imageInspect', 'platform', '1.49'],
    ['imageInspect', 'manifests', '1.48'],
    ['imageHistory', 'platform', '1.48'],
    ['imageSave', 'platform', '1.48'],
    ['imageLoad', 'platform', '1.48'],
    ['imageList', 'manifests', '1.47'],
    ['imagePush', 'platform', '1.46'],
    ['containerCreate', 'platform', '1.41'],
  ] as const)('%s knows %s since %s', (name, parameter, since) => {
    const before = `1.${Number(since.slice('1.'.length)) - 1}`;
    const request = { query: { [parameter]: 'x' }, body: {} };
    expect(adaptRequest(name, since, request).query).toEqual(request.query);
    expect(adaptRequest(name, before, request).query).toEqual({});
  });

  test('descriptors of images and of what containers were made of came with 1.48', () => {
    for (const [name, member] of [
      ['imageList', 'Descriptor'],
      ['imageInspect', 'Descriptor'],
      ['containerInspect', 'ImageManifestDescriptor'],
      ['containerList', 'ImageManifestDescriptor'],
    ] as const) {
      const reply = { Id: 'x', [member]: { digest: 'sha256:x' } };
      expect(adaptReply(name, '1.48', [reply])).toEqual([expect.objectContaining(reply)]);
      expect(JSON.stringify(adaptReply(name, '1.47', [reply]))).not.toContain(member);
    }
  });

  test('old clients mean all volumes by a prune, and a reference by a filter', () => {
    expect(adaptRequest('volumePrune', '1.41', { query: {}, body: undefined }).query).toEqual({
      filters: '{"all":["true"]}',
    });
    expect(adaptRequest('imageList', '1.40', { query: { filter: 'a*' }, body: undefined }).query).toEqual({
      filters: '{"reference":["a*"]}',
    });
    expect(() => adaptRequest('volumePrune', '1.41', { query: { filters: 'x' }, body: undefined })).toThrow(
      'invalid filter',
    );
  });
});
