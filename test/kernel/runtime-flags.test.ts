import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { close as closeFd, parseExitRecord, trySyscall, writeFd } from '@gantry/native';
import { probeHostFacts } from '@gantry/runtime';
import { buildNative } from '../../packages/native/build.ts';
import { cgroupDirectories, cgroupFiles } from '../../packages/runtime/src/cgroup/layout.ts';
import { DescriptorReceiver } from '../harness/descriptor-receiver.ts';
import { waitFor } from '../harness/wait-for.ts';
import { openRuntimePlace } from './runtime-place.ts';

// The flags by which engines, and not people, speak to a runtime: sockets for descriptors, documents, cgroups.

const { directory, root, bundle, cgroupName, command, gantry, close } = openRuntimePlace();

beforeAll(async () => {
  await buildNative();
});

afterAll(() => {
  expect(close()).toEqual([]);
});

const done = { out: '', err: '', code: 0 };
const socketPath = (name: string): string => join(directory, name);

/** Runs a command beside the test, which has to answer it. */
function beside(words: readonly string[]): Bun.Subprocess<'ignore', 'pipe', 'pipe'> {
  return Bun.spawn(command(words), { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' });
}

/** Reads a terminal until its text has what is waited for; a hang-up is text too. */
async function readUntil(fd: number, wanted: string): Promise<string> {
  const bytes = new Uint8Array(4096);
  let text = '';
  return waitFor(`"${wanted}" on the terminal`, () => {
    const got = trySyscall('read', fd, bytes, bytes.length);
    text += got > 0 ? new TextDecoder().decode(bytes.subarray(0, got)) : got === -5 ? '<hung up>' : '';
    return text.includes(wanted) ? text : undefined;
  });
}

const [setFlags, nonBlocking, setWindowSize] = [4, 0o4000, 0x5414];

test('the master of a terminal goes over the console socket: output, keys, size and hang-up', async () => {
  using receiver = new DescriptorReceiver(socketPath('console'));
  const shell = bundle(['sh', '-c', 'echo ready; read line; echo "got $line"; read line; probe window'], {
    terminal: true,
  });
  const creating = beside(['create', '-b', shell, '--console-socket', receiver.path, 'c1']);
  const { fd, text } = await receiver.receive();
  expect(text).toBe('/dev/ptmx');
  expect(await creating.exited).toBe(0);
  trySyscall('fcntl', fd, setFlags, nonBlocking);
  expect(gantry(['start', 'c1'])).toEqual(done);
  await readUntil(fd, 'ready\r\n');
  writeFd(fd, new TextEncoder().encode('keys\n'));
  // The container's own terminal echoes, and nothing before it does.
  expect(await readUntil(fd, 'got keys\r\n')).toBe('keys\r\ngot keys\r\n');
  expect(trySyscall('ioctl', fd, setWindowSize, Uint16Array.of(33, 77, 0, 0))).toBe(0);
  await waitFor('the size inside', () => {
    const { out } = gantry(['exec', 'c1', 'sh', '-c', 'probe window < /proc/1/fd/0']);
    return out.startsWith('33 77 ');
  });
  writeFd(fd, new TextEncoder().encode('\n'));
  expect(await readUntil(fd, '<hung up>')).toContain('33 77 /dev/pts/0\r\n');
  closeFd(fd);
  await waitFor('the exit', () => existsSync(join(root, 'c1', 'exit')));
  expect(gantry(['delete', 'c1'])).toEqual(done);
});

test('who closes the master hangs up on the container', async () => {
  using receiver = new DescriptorReceiver(socketPath('hangup'));
  const waiting = bundle(['sh', '-c', 'trap "exit 9" HUP; echo set; sleep 100 & wait'], { terminal: true });
  const running = beside(['run', '-d', '-b', waiting, '--console-socket', receiver.path, 'c2']);
  const { fd } = await receiver.receive();
  expect(await running.exited).toBe(0);
  trySyscall('fcntl', fd, setFlags, nonBlocking);
  await readUntil(fd, 'set\r\n');
  closeFd(fd);
  const exit = join(root, 'c2', 'exit');
  await waitFor('the exit', () => existsSync(exit));
  expect(parseExitRecord(readFileSync(exit, 'utf8'))).toMatchObject({ exitCode: 9 });
  expect(gantry(['delete', 'c2'])).toEqual(done);
});

test('a detached exec has a console too, and a pidfd of each process is handed on', async () => {
  using pidfds = new DescriptorReceiver(socketPath('pidfd'));
  const running = beside(['run', '-d', '-b', bundle(['sleep', '100']), '--pidfd-socket', pidfds.path, 'x1']);
  const init = await pidfds.receive();
  expect(await running.exited).toBe(0);
  expect(init.text).toBe('standard');
  const { pid } = JSON.parse(gantry(['state', 'x1']).out);
  expect(readFileSync(`/proc/self/fdinfo/${init.fd}`, 'utf8')).toMatch(new RegExp(`^Pid:\\s+${pid}$`, 'm'));
  closeFd(init.fd);
  using receiver = new DescriptorReceiver(socketPath('exec'));
  const execing = beside(['exec', '-t', '-d', '--console-socket', receiver.path, 'x1', 'sh', '-c', 'tty; read x']);
  const { fd } = await receiver.receive();
  expect(await execing.exited).toBe(0);
  trySyscall('fcntl', fd, setFlags, nonBlocking);
  await readUntil(fd, '/dev/pts/0\r\n');
  closeFd(fd);
  expect(gantry(['delete', '-f', 'x1'])).toEqual(done);
});

test('sockets that nobody listens on, and a console without a terminal, are refused before anything is made', () => {
  using receiver = new DescriptorReceiver(socketPath('unused'));
  const nobody = socketPath('nobody');
  expect(gantry(['create', '-b', bundle(['true']), '--pidfd-socket', nobody, 'n1']).err).toContain(
    `cannot connect to socket "${nobody}": `,
  );
  expect(gantry(['create', '-b', bundle(['true']), '--console-socket', receiver.path, 'n1']).err).toContain(
    'cannot use a console socket: the process has no terminal or is not detached',
  );
  expect(gantry(['state', 'n1']).err).toContain('does not exist');
});

test('what fails after the process was made ends the process and leaves no state', () => {
  const pidFile = socketPath('no/such/pid');
  expect(gantry(['create', '-b', bundle(['sleep', '100']), '--pid-file', pidFile, 'f1'])).toMatchObject({
    err: expect.stringContaining(`cannot write PID file "${pidFile}": `),
    code: 1,
  });
  expect(gantry(['state', 'f1']).err).toContain('does not exist');
  const { cgroup } = probeHostFacts();
  expect(cgroupDirectories(cgroup, `/${cgroupName()}`).filter((path) => existsSync(path))).toEqual([]);
  expect(gantry(['run', '-d', '-b', bundle(['sleep', '100']), 'f2'])).toEqual(done);
  expect(gantry(['exec', '-d', '--pid-file', pidFile, 'f2', 'sleep', '99'])).toMatchObject({ code: 255 });
  expect(JSON.parse(gantry(['ps', '-f', 'json', 'f2']).out)).toHaveLength(1);
  expect(gantry(['delete', '-f', 'f2'])).toEqual(done);
});

test('an exec in a paused container waits for resume', async () => {
  expect(gantry(['run', '-d', '-b', bundle(['sleep', '100']), 'w1'])).toEqual(done);
  expect(gantry(['pause', 'w1'])).toEqual(done);
  const waiting = beside(['exec', '--ignore-paused', 'w1', 'echo', 'resumed']);
  // On v1 it stops at the freezer's own hierarchy, before it is in the others.
  const { cgroup } = probeHostFacts();
  const frozen = dirname(cgroupFiles(cgroup, `/${cgroupName()}`).freeze?.file ?? '');
  await waitFor(
    'the exec in its cgroup',
    () => readFileSync(`${frozen}/cgroup.procs`, 'utf8').split('\n').length === 3,
  );
  expect(waiting.exitCode).toBeNull();
  expect(gantry(['resume', 'w1'])).toEqual(done);
  expect(await waiting.exited).toBe(0);
  expect(await new Response(waiting.stdout).text()).toBe('resumed\n');
  expect(gantry(['delete', '-f', 'w1'])).toEqual(done);
});

test('exec takes its process from a document, and refuses one that is none', () => {
  expect(gantry(['run', '-d', '-b', bundle(['sleep', '100']), 'x2'])).toEqual(done);
  const file = join(directory, 'process.json');
  const exec = (process: unknown) => {
    writeFileSync(file, JSON.stringify(process));
    return gantry(['exec', '--process', file, 'x2']);
  };
  const user = { uid: 1000, gid: 1000, umask: 0o077, additionalGids: [555] };
  const args = ['sh', '-c', 'echo $X; pwd; id -G; umask; grep NoNewPrivs /proc/self/status'];
  expect(exec({ args, cwd: '/tmp', env: ['PATH=/bin', 'X=7'], user, noNewPrivileges: true })).toEqual({
    ...done,
    out: '7\n/tmp\n1000 555\n0077\nNoNewPrivs:\t1\n',
  });
  expect(exec({ args: [], cwd: '/' })).toMatchObject({ code: 255, err: expect.stringContaining('"args" must be') });
  expect(exec({ args: ['true'], cwd: 'tmp' }).err).toContain('"cwd" must be an absolute path');
  expect(exec([]).err).toContain('cannot read the process: ');
  expect(gantry(['exec', 'x2'])).toMatchObject({
    code: 255,
    err: expect.stringContaining('usage: gantry runtime exec'),
  });
  expect(gantry(['exec', '--apparmor', 'p', 'x2', 'true']).err).toContain('the host has no AppArmor');
  expect(gantry(['exec', '--process-label', 'l', 'x2', 'true']).err).toContain('the host has no SELinux');
  expect(gantry(['exec', '--cgroup', 'no/such', 'x2', 'true']).err).toContain('has no such cgroup');
  expect(gantry(['exec', '--cgroup', '../other', 'x2', 'true']).err).toContain('it leads elsewhere');
  expect(gantry(['exec', '--cgroup', '/', 'x2', 'echo', 'in'])).toEqual({ ...done, out: 'in\n' });
  expect(gantry(['delete', '-f', 'x2'])).toEqual(done);
});

test('exec’s flags change user, groups, capabilities and cgroup', () => {
  expect(gantry(['run', '-d', '-b', bundle(['sleep', '100']), 'x3'])).toEqual(done);
  const exec = (...words: string[]): string => gantry(['exec', ...words]).out;
  expect(exec('-u', '1000:1000', '-g', '555', '-g', '44', 'x3', 'id', '-G')).toBe('1000 44 555\n');
  const netAdmin = (text: string): bigint => (BigInt(`0x${/CapBnd:\s+(\w+)/.exec(text)?.[1]}`) >> 12n) & 1n;
  expect(netAdmin(exec('x3', 'grep', 'CapBnd', '/proc/self/status'))).toBe(0n);
  expect(netAdmin(exec('--cap', 'CAP_NET_ADMIN', 'x3', 'grep', 'CapBnd', '/proc/self/status'))).toBe(1n);
  expect(exec('--no-new-privs', 'x3', 'grep', 'NoNewPrivs', '/proc/self/status')).toBe('NoNewPrivs:\t1\n');
  const { cgroup } = probeHostFacts();
  const below = cgroupDirectories(cgroup, `/${cgroupName()}/sub`);
  for (const path of below) mkdirSync(path);
  const seen = exec('--cgroup', 'sub', 'x3', 'cat', '/proc/self/cgroup');
  for (const path of below) rmdirSync(path);
  expect(
    seen
      .trim()
      .split('\n')
      .filter((line) => line.endsWith('/sub')),
  ).toHaveLength(below.length);
  expect(gantry(['delete', '-f', 'x3'])).toEqual(done);
});

test('flags that only other runtimes need change nothing', () => {
  const flags = ['--no-new-keyring', '--no-subreaper', '--preserve-fds', '0'];
  expect(gantry(['run', ...flags, '-b', bundle(['echo', 'hi']), 'k1'])).toEqual({ ...done, out: 'hi\n' });
});
