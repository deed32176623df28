import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { type ClientName, startEngine, type TestEngine } from '../harness/engine.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

const clients: readonly ClientName[] = ['docker', 'gantry'];
const results = [
  {
    name: 'redis',
    description: 'Redis is the world’s fastest data platform for caching.',
    star_count: 13000,
    is_official: true,
  },
  { name: 'bitnami/redis', description: 'Bitnami\nRedis', star_count: 300, is_official: false },
  { name: 'somebody/redis', description: '', star_count: 0, is_official: false },
];

let engine: TestEngine;
let index: Bun.Server<undefined>;
const asked: string[] = [];

beforeAll(async () => {
  // Version 1 of the API has no server among Debian's packages; this one only has answers, as Docker Hub gives them.
  index = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) => {
      const { pathname, search } = new URL(request.url);
      if (pathname === '/v1/_ping') return Response.json({ standalone: true });
      if (pathname !== '/v1/search') return new Response('', { status: 404 });
      asked.push(search);
      return Response.json({ num_results: results.length, results });
    },
  });
  engine = await startEngine({ busybox: false });
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await index?.stop(true);
});

test('docker and gantry print the same of a search', async () => {
  const term = `127.0.0.1:${index.port}/redis`;
  for (const flags of [
    [],
    ['--no-trunc'],
    ['--limit', '7'],
    ['--filter', 'is-official=true'],
    ['--filter', 'stars=100'],
    ['--filter', 'is-automated=true'],
    ['--format', '{{.Name}} {{.StarCount}} {{.IsOfficial}}'],
    ['--format', 'json'],
    ['--format', '{{.IsAutomated}}'],
  ]) {
    const [theirs, ours] = await Promise.all(clients.map((client) => engine.run(client, ['search', ...flags, term])));
    expect(ours).toEqual(theirs as NonNullable<typeof theirs>);
  }
  expect(new Set(asked)).toEqual(new Set(['?q=redis&n=25', '?q=redis&n=7']));
});

test.each(clients)('%s tells why nothing was searched', async (client) => {
  const rows = [
    [['--limit', '200', 'x'], 'limit 200 is outside the range of [1, 100]'],
    [['--filter', 'foo=bar', 'x'], "invalid filter 'foo'"],
    [[`127.0.0.1:9/x`], 'dial tcp 127.0.0.1:9: connect: connection refused'],
  ] as const;
  for (const [argv, why] of rows) {
    const { stderr, exitCode } = await engine.run(client, ['search', ...argv]);
    expect([stderr, exitCode]).toEqual([expect.stringContaining(why), 1]);
  }
});
