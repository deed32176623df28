import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseExitRecord } from '@gantry/native';
import { defaultSpec } from '@gantry/runtime';
import { buildNative } from '../../packages/native/build.ts';
import { openRuntimePlace } from './runtime-place.ts';

// `gantry runtime` as a program: what it prints, how it exits, and that nothing stays below its root.

const { directory: place, root, bundle, gantry, close } = openRuntimePlace();

beforeAll(async () => {
  await buildNative();
});

afterAll(() => {
  expect(close()).toEqual([]);
});

test('run joins the streams and gives back the exit code', () => {
  const directory = bundle(['sh', '-c', 'cat; echo oops >&2; exit 3']);
  expect(gantry(['run', '-b', directory, 'r1'], 'hello\n')).toEqual({ out: 'hello\n', err: 'oops\n', code: 3 });
});

test('run refuses by name what it cannot do', () => {
  const directory = bundle(['no-such-command']);
  expect(gantry(['run', '-b', directory, 'r2'])).toEqual({
    out: '',
    err: 'gantry runtime: cannot execute "no-such-command": not found\n',
    code: 1,
  });
  expect(gantry(['run', '-b', place, 'r2']).err).toContain(
    `cannot read bundle "${place}": it has no config.json\ntry: `,
  );
  expect(gantry(['run', '--no-pivot', 'r2']).err).toContain('cannot use --no-pivot: ');
  expect(gantry(['run', '--preserve-fds=2', 'r2']).err).toContain('cannot use --preserve-fds: ');
  expect(gantry(['run', '--pidfd-socket', join(place, 'nobody'), '-b', directory, 'r2']).err).toContain(
    'cannot connect to socket "',
  );
  expect(gantry(['fly'])).toMatchObject({
    err: 'gantry runtime: unknown command "fly" for "gantry runtime"\n',
    code: 1,
  });
  expect(gantry(['run', '-b', directory, '../x']).err).toContain('cannot use container ID "../x"');
});

test('create, start, exec, kill and delete walk one life', async () => {
  const pidFile = join(place, 'pid');
  const directory = bundle(['sh', '-c', 'echo started; sleep 100']);
  expect(gantry(['create', '-b', directory, '--pid-file', pidFile, 'life'])).toEqual({ out: '', err: '', code: 0 });
  const pid = Number(readFileSync(pidFile, 'utf8'));
  const state = (): unknown => JSON.parse(gantry(['state', 'life']).out);
  expect(state()).toEqual({
    ociVersion: '1.3.0',
    id: 'life',
    pid,
    status: 'created',
    bundle: directory,
    rootfs: expect.any(String),
    created: expect.any(String),
    owner: 'root',
  });
  expect(gantry(['create', '-b', directory, 'life']).err).toContain('container with ID "life" already exists');
  expect(gantry(['start', 'life']).code).toBe(0);
  expect(state()).toMatchObject({ status: 'running', pid });
  expect(gantry(['start', 'life']).err).toContain('it is running');
  expect(gantry(['list', '-q']).out).toBe('life\n');
  expect(
    gantry(['exec', '-e', 'X=7', '--cwd', '/tmp', '-u', 'web', 'life', 'sh', '-c', 'echo $X $(pwd) $(id -u); exit 5']),
  ).toEqual({
    out: '7 /tmp 1000\n',
    err: '',
    code: 5,
  });
  expect(gantry(['delete', 'life']).err).toContain('cannot delete container "life" that is not stopped: running');
  expect(gantry(['kill', 'life', 'KILL']).code).toBe(0);
  const exit = join(root, 'life', 'exit');
  while (!existsSync(exit)) await Bun.sleep(1);
  expect(parseExitRecord(readFileSync(exit, 'utf8'))).toMatchObject({ pid, exitCode: 137, signal: 9 });
  expect(state()).toMatchObject({ status: 'stopped', pid: 0 });
  expect(readFileSync(join(root, 'life', 'output.log'), 'utf8')).toContain('"log":"started\\n"');
  expect(gantry(['kill', 'life']).err).toContain('container not running');
  expect(gantry(['delete', 'life']).code).toBe(0);
  expect(gantry(['state', 'life'])).toMatchObject({
    err: 'gantry runtime: container "life" does not exist\n',
    code: 1,
  });
});

test('a detached container is deleted by force, and a created one without', () => {
  expect(gantry(['run', '-d', '-b', bundle(['sleep', '100']), 'd1'])).toEqual({ out: '', err: '', code: 0 });
  expect(gantry(['delete', '-f', 'd1'])).toEqual({ out: '', err: '', code: 0 });
  expect(gantry(['create', '-b', bundle(['sleep', '100']), 'd2']).code).toBe(0);
  expect(gantry(['delete', 'd2'])).toEqual({ out: '', err: '', code: 0 });
  expect(gantry(['delete', '-f', 'd2']).code).toBe(0);
});

test('plan prints what would be done, spec writes a document to begin with', () => {
  const { out } = gantry(['plan', bundle(['true'])]);
  expect(out).toStartWith('shim\n');
  expect(out).toContain('pivotRoot');
  const directory = mkdtempSync(join(place, 'spec-'));
  expect(gantry(['spec', '-b', directory]).code).toBe(0);
  expect(JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'))).toEqual(
    JSON.parse(JSON.stringify(defaultSpec())),
  );
  expect(gantry(['spec', '-b', directory]).err).toContain('it exists');
  expect(JSON.parse(gantry(['features']).out)).toMatchObject({
    ociVersionMax: '1.3.0',
    linux: { cgroup: { v1: true, v2: true } },
  });
});
