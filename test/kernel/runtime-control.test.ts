import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { probeHostFacts } from '@gantry/runtime';
import { buildNative } from '../../packages/native/build.ts';
import { controllerDirectory } from '../../packages/runtime/src/cgroup/layout.ts';
import { openRuntimePlace } from './runtime-place.ts';

// What `gantry runtime` does with containers that run: pause, resume, ps, and what the others make of a paused one.

const { directory, root, bundle, cgroupName, command, gantry, close } = openRuntimePlace();

beforeAll(async () => {
  await buildNative();
});

afterAll(() => {
  expect(close()).toEqual([]);
});

const done = { out: '', err: '', code: 0 };
const stateOf = (id: string) => JSON.parse(gantry(['state', id]).out);

test('pause stops the processes, resume lets them go on, and state and list say so', () => {
  expect(gantry(['run', '-d', '-b', bundle(['sleep', '100']), 'p1'])).toEqual(done);
  expect(gantry(['resume', 'p1']).err).toBe('gantry runtime: cannot resume container "p1": it is running\n');
  expect(gantry(['pause', 'p1'])).toEqual(done);
  const { pid, status } = stateOf('p1');
  expect(status).toBe('paused');
  const listed = gantry(['list']).out.split('\n');
  expect(listed[0]).toMatch(/^ID {10}PID {9}STATUS {6}BUNDLE +CREATED +OWNER$/);
  expect(listed[1]).toMatch(new RegExp(`^p1 {10}${pid} +paused +/.*root$`));
  expect(JSON.parse(gantry(['list', '-f', 'json']).out)).toMatchObject([{ id: 'p1', status: 'paused', pid }]);
  expect(gantry(['pause', 'p1'])).toMatchObject({
    err: 'gantry runtime: cannot pause container "p1": it is paused\n',
    code: 1,
  });
  expect(gantry(['exec', 'p1', 'true'])).toMatchObject({
    err: expect.stringContaining('cannot exec in container "p1": it is paused\ntry: exec --ignore-paused'),
    code: 255,
  });
  expect(gantry(['delete', 'p1']).err).toContain('cannot delete container "p1" that is not stopped: paused');
  expect(gantry(['resume', 'p1'])).toEqual(done);
  expect(stateOf('p1').status).toBe('running');
  expect(gantry(['exec', 'p1', 'echo', 'hi'])).toEqual({ ...done, out: 'hi\n' });
  expect(gantry(['pause', 'p1'])).toEqual(done);
  expect(gantry(['delete', '-f', 'p1'])).toEqual(done);
});

test('a paused container dies of SIGKILL', async () => {
  expect(gantry(['run', '-d', '-b', bundle(['sleep', '100']), 'p2'])).toEqual(done);
  expect(gantry(['pause', 'p2'])).toEqual(done);
  expect(gantry(['kill', 'p2', 'KILL'])).toEqual(done);
  while (!existsSync(join(root, 'p2', 'exit'))) await Bun.sleep(1);
  expect(gantry(['pause', 'p2']).err).toContain('cannot pause container "p2": it is stopped');
  expect(gantry(['ps', '-f', 'json', 'p2'])).toEqual({ ...done, out: '[]\n' });
  expect(gantry(['delete', 'p2'])).toEqual(done);
});

test('ps prints the lines of ps that are of the container, or its PIDs', () => {
  expect(gantry(['run', '-d', '-b', bundle(['sh', '-c', 'sleep 100 & sleep 101']), 'p3'])).toEqual(done);
  const pids: number[] = JSON.parse(gantry(['ps', '--format', 'json', 'p3']).out);
  expect(pids).toContain(stateOf('p3').pid);
  const [head, ...lines] = gantry(['ps', 'p3']).out.trimEnd().split('\n');
  expect(head).toMatch(/^UID +PID +PPID/);
  expect(lines.some((line) => line.endsWith('sleep 100'))).toBe(true);
  expect(lines).toHaveLength(pids.length);
  const columns = gantry(['ps', 'p3', '-o', 'pid,args']).out.trimEnd().split('\n');
  expect(columns[0]).toMatch(/^ +PID COMMAND$/);
  expect(columns).toHaveLength(pids.length + 1);
  expect(gantry(['ps', 'p3', '-o', 'args'])).toMatchObject({
    err: "gantry runtime: Couldn't find PID field in ps output\n",
    code: 1,
  });
  expect(gantry(['ps', 'p3', '--no-such-option']).err).toContain('cannot run ps: ');
  expect(gantry(['ps', '-f', 'xml', 'p3']).err).toContain('cannot list as "xml"');
  expect(gantry(['delete', '-f', 'p3'])).toEqual(done);
});

/** One value of the running container's cgroup, in the file of its version. */
function limitOf(controller: string, v1File: string, v2File: string): string {
  const { cgroup } = probeHostFacts();
  const parent = controllerDirectory(cgroup, controller, `/${cgroupName()}`);
  return readFileSync(`${parent}/${cgroup.kind === 'v2' ? v2File : v1File}`, 'utf8').trim();
}

test('update changes limits by flags or by a document, and keeps what was not named', () => {
  expect(gantry(['run', '-d', '-b', bundle(['sleep', '100']), 'u1'])).toEqual(done);
  const pids = () => limitOf('pids', 'pids.max', 'pids.max');
  const memory = () => limitOf('memory', 'memory.limit_in_bytes', 'memory.max');
  expect(gantry(['update', '--memory', '64m', '--pids-limit', '20', 'u1'])).toEqual(done);
  expect([memory(), pids()]).toEqual([String(64 * 2 ** 20), '20']);
  expect(gantry(['update', 'u1', '-r', '-'], '{"pids":{"limit":33}}')).toEqual(done);
  expect([memory(), pids()]).toEqual([String(64 * 2 ** 20), '33']);
  const file = join(directory, 'resources.json');
  writeFileSync(file, '{"pids":{"limit":-1},"memory":{"limit":134217728}}');
  expect(gantry(['update', '--resources', file, '--pids-limit', '5', 'u1'])).toEqual(done);
  expect([memory(), pids()]).toEqual([String(128 * 2 ** 20), 'max']);
  expect(gantry(['update', 'u1'])).toEqual(done);
  expect(gantry(['pause', 'u1'])).toEqual(done);
  expect(gantry(['update', '--cpu-quota=20000', '--cpu-period', '40000', 'u1'])).toEqual(done);
  expect(gantry(['update', '--cpu-quota=30000', 'u1'])).toEqual(done);
  expect(limitOf('cpu', 'cpu.cfs_quota_us', 'cpu.max')).toMatch(/^30000( 40000)?$/);
  expect(limitOf('cpu', 'cpu.cfs_period_us', 'cpu.max')).toMatch(/40000$/);
  expect(gantry(['resume', 'u1'])).toEqual(done);
  expect(gantry(['delete', '-f', 'u1'])).toEqual(done);
});

test('an update that is refused changes nothing', () => {
  expect(gantry(['run', '-d', '-b', bundle(['sleep', '100']), 'u2'])).toEqual(done);
  expect(gantry(['update', '--memory', 'foo', 'u2'])).toMatchObject({
    code: 1,
    err: "gantry runtime: invalid value for memory: invalid size: 'foo'\n",
  });
  expect(gantry(['update', '--memory', '64m', '--cpuset-cpus', '4000', 'u2']).err).toContain(
    'cannot update container "u2": ',
  );
  expect(limitOf('memory', 'memory.limit_in_bytes', 'memory.max')).not.toBe(String(64 * 2 ** 20));
  expect(gantry(['update', '--l3-cache-schema', 'x', 'u2']).err).toContain('Intel RDT is not built');
  expect(gantry(['update', '--kernel-memory', '5m', 'u2'])).toMatchObject({
    code: 0,
    err: expect.stringMatching(/level=warning msg="--kernel-memory does nothing any more"/),
  });
  expect(gantry(['update', '-r', '/no/such', 'u2']).err).toContain('cannot read "/no/such": ');
  expect(gantry(['update', '-r', '-', 'u2'], '[]').err).toContain('the document is no object');
  expect(gantry(['update', '-r', '-', 'u2'], ' '.repeat(2 ** 20 + 1)).err).toContain('it is longer than 1 MiB');
  expect(gantry(['kill', '-a', 'u2', 'KILL'])).toEqual(done);
  while (stateOf('u2').status !== 'stopped');
  expect(gantry(['update', '--pids-limit', '5', 'u2']).err).toContain('cannot update container "u2": it is stopped');
  expect(gantry(['delete', 'u2'])).toEqual(done);
});

test('events --stats is one document with runc’s keys', () => {
  expect(gantry(['run', '-d', '-b', bundle(['sleep', '100']), 'e1'])).toEqual(done);
  expect(gantry(['update', '--memory', '64m', '--pids-limit', '7', 'e1'])).toEqual(done);
  const { out } = gantry(['events', '--stats', 'e1']);
  expect(out.split('\n')).toHaveLength(2);
  const { type, id, data } = JSON.parse(out);
  expect({ type, id, keys: Object.keys(data).sort() }).toEqual({
    type: 'stats',
    id: 'e1',
    keys: ['blkio', 'cpu', 'cpuset', 'hugetlb', 'intel_rdt', 'memory', 'network_interfaces', 'pids'],
  });
  expect(data).toMatchObject({
    cpu: { usage: { total: expect.any(Number), kernel: expect.any(Number), user: expect.any(Number) }, throttling: {} },
    memory: { usage: { limit: 64 * 2 ** 20, failcnt: 0 }, raw: { pgfault: expect.any(Number) } },
    pids: { current: 1, limit: 7 },
    network_interfaces: null,
  });
  // No limit is a number that only 64 bits hold, and whoever reads it wants every digit.
  expect(out).toMatch(/"swap":\{"limit":(9223372036854771712|18446744073709551615),/);
  const reader = [...command(['events', '--interval', '20ms', 'e1']), '|', 'head', '-c', '7'].join(' ');
  const { stdout, stderr } = Bun.spawnSync(['sh', '-c', reader], { stdout: 'pipe', stderr: 'pipe' });
  expect([stdout.toString(), stderr.toString()]).toEqual(['{"type"', '']);
  expect(gantry(['events', '--interval', 'soon', 'e1']).err).toContain('invalid value "soon" for flag --interval');
  expect(gantry(['events', '--interval', '0s', 'e1']).err).toContain('must be greater than 0');
  expect(gantry(['kill', 'e1', 'KILL'])).toEqual(done);
  while (stateOf('e1').status !== 'stopped');
  expect(gantry(['events', '--stats', 'e1']).err).toContain('container with id e1 is not running');
  expect(gantry(['delete', 'e1'])).toEqual(done);
});

test('events tells statistics at every interval and who ran out of memory, to the end of the container', async () => {
  const hungry = bundle(['sh', '-c', 'tr -d x < /tmp/go; x=aaaaaaaa; while :; do x=$x$x; done'], {
    mounts: [{ destination: '/tmp', type: 'bind', source: directory, options: ['bind'] }],
  });
  const go = join(directory, 'go');
  expect(Bun.spawnSync(['mkfifo', go]).exitCode).toBe(0);
  expect(gantry(['run', '-d', '-b', hungry, 'e2'])).toEqual(done);
  expect(gantry(['update', '--memory', '32m', '--memory-swap', '32m', 'e2'])).toEqual(done);
  const follower = Bun.spawn(command(['events', '--interval', '20ms', 'e2']), { stdout: 'pipe', stderr: 'inherit' });
  const reader = follower.stdout.getReader();
  let out = '';
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    // The first statistics show that it follows: now the container may go on.
    if (out === '') writeFileSync(go, '');
    out += new TextDecoder().decode(chunk.value);
  }
  expect(await follower.exited).toBe(0);
  const events = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events[0]).toMatchObject({ type: 'stats', id: 'e2', data: { memory: { usage: { limit: 32 * 2 ** 20 } } } });
  expect(events.filter(({ type }) => type === 'oom')).toEqual([{ type: 'oom', id: 'e2' }]);
  expect(gantry(['delete', 'e2'])).toEqual(done);
});

test('help names every flag, and the version is told as runc tells it', () => {
  expect(gantry(['--version']).out).toMatch(/^gantry runtime version \S+\nspec: 1\.3\.0\n$/);
  expect(gantry(['help']).out).toContain('  pause     stop every process of a container where it stands\n');
  for (const words of [
    ['help', 'ps'],
    ['h', 'ps'],
    ['ps', '--help'],
  ]) {
    expect(gantry(words)).toEqual({
      ...done,
      out: `Usage: gantry runtime ps [OPTIONS] ID [PS-OPTION...]

print what the host's ps says of a container's processes

Options:
  -f, --format value  table or json
`,
    });
  }
  expect(gantry(['help', 'fly'])).toMatchObject({ code: 1, err: expect.stringContaining('unknown command "fly"') });
  expect(gantry(['pause'])).toMatchObject({ code: 1, err: 'gantry runtime: usage: gantry runtime pause ID\n' });
});

test('errors go to the log file as runc writes them, and bare to stderr', () => {
  const log = join(directory, 'log.json');
  const text = 'container "nope" does not exist';
  expect(gantry(['--log', log, '--log-format', 'json', 'state', 'nope'])).toEqual({
    out: '',
    err: `${text}\n`,
    code: 1,
  });
  expect(JSON.parse(readFileSync(log, 'utf8'))).toEqual({ level: 'error', msg: text, time: expect.any(String) });
  const plain = join(directory, 'log.txt');
  expect(gantry(['--log', plain, '--debug', 'state', 'nope']).code).toBe(1);
  expect(readFileSync(plain, 'utf8')).toMatch(
    /^time="[-\dT:]+Z" level=debug msg="state begins, [^"]+"\ntime="[-\dT:]+Z" level=error msg="container \\"nope\\" does not exist"\n$/,
  );
  expect(gantry(['--log-format=xml', 'list']).err).toBe('gantry runtime: invalid log-format: xml\n');
  expect(gantry(['--log', join(directory, 'no/such'), 'list']).err).toContain('cannot write log "');
  expect(gantry(['--systemd-cgroup', 'list']).err).toContain('the systemd cgroup driver is not built');
  expect(gantry(['--rootless', 'true', 'list']).err).toContain('only root runs containers');
  expect(gantry(['--rootless=auto', 'list'])).toMatchObject({ code: 0 });
});
