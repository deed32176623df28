import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { DebugVarsWire } from '@gantry/api';
import { startEngine, type TestEngine } from '../harness/engine.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine({ daemonArguments: ['--debug', '--metrics-addr', '127.0.0.1:0'] });
}, 60_000);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
}, 60_000);

async function scrape(): Promise<ReadonlyMap<string, number>> {
  const reply = await engine.api('GET', '/metrics');
  expect(reply.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parseSamples(await reply.text());
}

function parseSamples(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

const state = (name: string): string => `engine_daemon_container_states_containers{state="${name}"}`;
const count = (action: string): string => `engine_daemon_container_actions_seconds_count{action="${action}"}`;

test('metrics tell what containers there are, what was done with them, and how long it took', async () => {
  const before = await scrape();
  const id = await engine.output('docker', ['run', '-d', '--network', 'none', 'busybox', 'sleep', '60']);
  await engine.output('docker', ['pause', id]);
  const during = await scrape();
  await engine.output('docker', ['rm', '-f', id]);
  const after = await scrape();
  const read = (names: readonly string[]) => [before, during, after].map((at) => names.map((name) => at.get(name)));
  expect(read([state('running'), state('paused'), state('stopped'), 'gantry_shims'])).toEqual([
    [0, 0, 0, 0],
    [0, 1, 0, 1],
    [0, 0, 0, 0],
  ]);
  expect(read([count('create'), count('start'), count('delete'), 'gantry_container_start_seconds_count'])).toEqual([
    [0, 0, 0, 0],
    [1, 1, 0, 1],
    [1, 1, 1, 1],
  ]);
  const events = (at: ReadonlyMap<string, number>): number => at.get('engine_daemon_events_total') ?? 0;
  expect(events(after) - events(before)).toBeGreaterThan(5);
  const heap = during.get('process_resident_memory_bytes') ?? 0;
  expect(heap).toBeGreaterThan(2 ** 20);
});

test('the address for metrics serves metrics and nothing else', async () => {
  const address = /msg="metrics API listening" address=tcp:\/\/(\S+)/.exec(engine.log())?.[1];
  const reply = await fetch(`http://${address}/metrics`);
  expect(parseSamples(await reply.text()).get('engine_daemon_engine_cpus_cpus')).toBe(navigator.hardwareConcurrency);
  for (const path of ['/', '/info', '/v1.40/metrics']) {
    const refused = await fetch(`http://${address}${path}`);
    expect([path, refused.status]).toEqual([path, 404]);
  }
});

test('debug pages show what the daemon is doing', async () => {
  const id = await engine.output('docker', ['create', '--network', 'none', 'busybox', 'sleep', '60']);
  const leave = new AbortController();
  const waiting = await fetch(`http://engine/containers/${id}/wait?condition=next-exit`, {
    unix: engine.host.replace('unix://', ''),
    method: 'POST',
    signal: leave.signal,
  });
  expect(waiting.status).toBe(200);
  const vars = (await (await engine.api('GET', '/debug/vars')).json()) as DebugVarsWire;
  expect(vars.Requests.map(({ Method, Path }) => `${Method} ${Path}`)).toContain(`POST /containers/${id}/wait`);
  expect(vars.Process.Pid).toBe(engine.pid());
  expect(vars.Descriptors.socket).toBeGreaterThan(1);
  expect(vars.Locks).toEqual([]);
  leave.abort();
  await engine.output('docker', ['rm', '-f', id]);
});

test('a heap snapshot is what developer tools open', async () => {
  const snapshot: unknown = await (await engine.api('GET', '/debug/pprof/heap')).json();
  expect(snapshot).toHaveProperty('snapshot.meta.node_fields');
}, 30_000);

test('without --debug there are no debug pages', async () => {
  await using quiet = await startEngine({ busybox: false });
  for (const path of ['/debug/vars', '/debug/pprof/heap']) {
    const reply = await quiet.api('GET', path);
    expect([reply.status, await reply.json()]).toEqual([
      404,
      { message: 'page not found', hint: 'the debug pages are there with --debug, or "debug": true' },
    ]);
  }
}, 30_000);
