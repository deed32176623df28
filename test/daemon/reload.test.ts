import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';

let engine: TestEngine;
const directory = mkdtempSync(join(tmpdir(), 'gantry-reload-'));
const file = join(directory, 'daemon.json');

beforeAll(async () => {
  writeFileSync(file, '{"labels":["a=1"]}');
  engine = await startEngine({
    daemonArguments: ['--config-file', file, '--log-format', 'json'],
    busybox: false,
  });
}, 60_000);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
}, 60_000);

type Line = Readonly<Record<string, unknown>>;
const lines = (): Line[] =>
  engine
    .log()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

/** Writes the file, has it read, and returns the lines of the log that say what came of it. */
async function reload(text: string): Promise<Line[]> {
  const before = lines().length;
  writeFileSync(file, text);
  process.kill(engine.pid(), 'SIGHUP');
  const fresh = (): Line[] => lines().slice(before);
  await waitFor('a reload is told of', () =>
    fresh().some(({ msg }) => /^(Reloaded|Error reloading)/.test(String(msg))),
  );
  return fresh();
}

const info = (format: string): Promise<string> => engine.output('docker', ['info', '--format', format]);

test('SIGHUP has the file read again, and events tell it as Docker does', async () => {
  const since = new Date().toISOString();
  const told = await reload('{"labels":["b=2"],"debug":true,"registry-mirrors":["http://127.0.0.1:1"]}');
  expect(told.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
    'info Got signal to reload configuration',
    'info Reloaded configuration',
  ]);
  expect(await info('{{.Labels}} {{.Debug}} {{.RegistryConfig.Mirrors}}')).toBe('[b=2] true [http://127.0.0.1:1]');
  const id = await info('{{.ID}}');
  const name = await info('{{.Name}}');
  const events = await engine.output('docker', ['events', '--since', since, '--until', new Date().toISOString()]);
  expect(events.replace(/^\S+ /, '')).toBe(
    `daemon reload ${id} (debug=true, default-runtime=runc, default-shm-size=67108864, insecure-registries=[], ` +
      `labels=["b=2"], live-restore=true, name=${name}, registry-mirrors=["http://127.0.0.1:1"], shutdown-timeout=15)`,
  );
  expect(lines().some(({ level, msg }) => level === 'debug' && msg === 'request')).toBe(true);
});

test.each([
  ['no JSON', '{', 'invalid JSON: unexpected EOF'],
  ['an unknown key', '{"nope":1}', "the following directives don't match any configuration option: nope"],
  ['a wrong value', '{"labels":["bad"]}', 'bad attribute format: bad'],
  ['what is a flag too', '{"log-format":"text"}', 'specified both as a flag and in the configuration file: log-format'],
])('a file with %s is refused in one line, and all stays as it was', async (_what, text, why) => {
  await reload('{"labels":["kept=1"]}');
  const told = await reload(text);
  expect(told.map(({ level }) => level)).toEqual(['info', 'error']);
  expect(told[1]?.msg).toBe('Error reloading configuration');
  expect(String(told[1]?.error)).toContain(why);
  expect(await info('{{.Labels}}')).toBe('[kept=1]');
});

test('what needs a new start is named, and the rest is taken up', async () => {
  await reload('{"labels":["c=3"],"group":"nobody"}');
  const last = await waitFor('a word about it', () => lines().find(({ options }) => options === 'group'));
  expect(last).toMatchObject({ level: 'warn', msg: 'these options change when the daemon is started again' });
  expect(await info('{{.Labels}}')).toBe('[c=3]');
});
