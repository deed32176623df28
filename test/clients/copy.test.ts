import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine, type TestEngine } from '../harness/engine.ts';

/** Of cp, diff, export, commit and save what no transcript can show: events, bytes, terminals, what runs meanwhile. */
setDefaultTimeout(60_000);

let engine: TestEngine;
let area: string;
beforeAll(async () => {
  engine = await startEngine();
  area = mkdtempSync(join(tmpdir(), 'gantry-copy-'));
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(area, { recursive: true, force: true });
});

const docker = (...argv: string[]): Promise<string> => engine.output('docker', argv);
const fileWith = (text: string): string => {
  const path = join(mkdtempSync(join(area, 'file-')), 'f');
  writeFileSync(path, text);
  return path;
};

test('a run that changes nothing leaves no change, although mount points were made for it', async () => {
  await docker('run', '--name', 'quiet', 'busybox', 'cat', '/etc/hosts');
  expect(await docker('diff', 'quiet')).toBe('');
  await docker('commit', 'quiet', 'quiet:1');
  expect(await docker('inspect', '-f', '{{len .RootFS.Layers}}', 'quiet:1')).toBe('1');
  await docker('run', '--name', 'hosts', 'busybox', 'sh', '-c', 'echo kept > /etc/kept');
  expect((await docker('diff', 'hosts')).split('\n').sort()).toEqual(['A /etc/kept', 'C /etc']);
});

test('what is copied into a container that never ran is there when it starts', async () => {
  await docker('create', '--name', 'early', 'busybox', 'cat', '/root/f');
  await docker('cp', fileWith('early'), 'early:/root/');
  expect(await docker('start', '-a', 'early')).toBe('early');
});

test('both sides of a bind and of a volume see what is copied, in a container that runs', async () => {
  const bound = mkdtempSync(join(area, 'bound-'));
  await docker('run', '-d', '--name', 'live', '-v', `${bound}:/bound`, '-v', 'seen:/vol', 'busybox', 'sleep', '1000');
  await engine.output('gantry', ['cp', fileWith('to all'), 'live:/bound/f']);
  await engine.output('gantry', ['cp', fileWith('to all'), 'live:/vol/f']);
  expect(readFileSync(join(bound, 'f'), 'utf8')).toBe('to all');
  expect(await docker('exec', 'live', 'cat', '/vol/f', '/bound/f')).toBe('to allto all');
  await docker('exec', 'live', 'sh', '-c', 'echo in-the-volume > /vol/g; echo x > /tmp/mounted-over');
  const out = join(area, 'g');
  await engine.output('gantry', ['cp', 'live:/vol/g', out]);
  expect(readFileSync(out, 'utf8')).toBe('in-the-volume\n');
  // An export has the volume's mount point and nothing of what is in it.
  const names = await docker('export', 'live');
  expect([names.includes('tmp/mounted-over'), names.includes('in-the-volume')]).toEqual([true, false]);
  await docker('rm', '-f', 'live');
  await docker('volume', 'rm', 'seen');
});

test('a volume that was never started with has what the image has there, and a copy before the start loses nothing of it', async () => {
  const binds = ['-v', 'filled:/etc', '-v', 'empty:/nothing', '-v', 'sealed:/var:ro'];
  await docker('create', '--name', 'fills', ...binds, 'busybox', 'cat', '/etc/passwd', '/etc/added', '/nothing/added');
  await docker('cp', fileWith('added\n'), 'fills:/etc/added');
  await docker('cp', fileWith('there\n'), 'fills:/nothing/added');
  expect(await docker('cp', 'fills:/var', '-')).toContain('var/www/');
  expect(await docker('start', '-a', 'fills')).toMatch(/^root:[\s\S]*\nadded\nthere$/);
  await docker('rm', 'fills');
  await docker('volume', 'rm', 'filled', 'empty', 'sealed');
});

test('-a gives the copy to the container’s user; a user by name is looked up in the container', async () => {
  const passwd = fileWith('root:x:0:0::/:/bin/sh\nweb:x:33:44::/:/bin/sh\n');
  await docker('create', '--name', 'owned', '--user', 'web', 'busybox', 'stat', '-c', '%u:%g', '/tmp/a', '/tmp/b');
  await docker('cp', passwd, 'owned:/etc/passwd');
  await docker('cp', '-a', passwd, 'owned:/tmp/a');
  await engine.output('gantry', ['cp', '-a', passwd, 'owned:/tmp/b']);
  expect(await docker('start', '-a', 'owned')).toBe('33:44\n33:44');
  await docker('create', '--name', 'nobody', '--user', 'nosuch', 'busybox', 'true');
  const refused = await engine.run('docker', ['cp', '-a', passwd, 'nobody:/tmp/a']);
  expect(refused.stderr).toContain('unable to find user nosuch: no matching entries in passwd file');
});

test('a copy that meets another kind of file is refused by both clients, and allowed when the API says so', async () => {
  const source = mkdtempSync(join(area, 'kinds-'));
  mkdirSync(join(source, 'bin'));
  writeFileSync(join(source, 'etc'), 'a file');
  await docker('create', '--name', 'kinds', 'busybox', 'cat', '/etc');
  for (const client of ['docker', 'gantry'] as const) {
    const { stderr } = await engine.run(client, ['cp', `${source}/.`, 'kinds:/']);
    expect(stderr).toContain('cannot overwrite directory "/etc" with non-directory "/"');
  }
  const tar = Bun.spawnSync(['tar', '-C', source, '-c', 'etc']).stdout;
  const socket = engine.host.slice('unix://'.length);
  const url = 'http://engine/containers/kinds/archive?path=/';
  const reply = await fetch(url, { unix: socket, method: 'PUT', body: tar });
  expect([reply.status, await reply.text()]).toEqual([200, '']);
  const out = await engine.run('docker', ['cp', 'kinds:/etc', '-']);
  expect(out.stdout).toContain('a file');
});

test('a copy out of a container stays below its target, whatever links the container holds', async () => {
  await docker('create', '--name', 'linked', 'busybox', 'true');
  const source = mkdtempSync(join(area, 'links-'));
  symlinkSync('/etc/passwd', join(source, 'absolute'));
  symlinkSync('../../../../../etc/passwd', join(source, 'climbing'));
  await engine.output('gantry', ['cp', `${source}/.`, 'linked:/links']);
  const target = mkdtempSync(join(area, 'target-'));
  await engine.output('gantry', ['cp', 'linked:/links', target]);
  expect(readdirSync(join(target, 'links')).sort()).toEqual(['absolute', 'climbing']);
});

test('on a terminal a copy says how much it was', async () => {
  await docker('create', '--name', 'told', 'busybox', 'true');
  const path = fileWith('x'.repeat(3000));
  const shown = async (client: 'docker' | 'gantry', argv: string[]): Promise<string> => {
    await using terminal = engine.terminal(client, argv);
    return (await terminal.expect(/Successfully copied [^\r\n]*/))[0];
  };
  const into = ['cp', path, 'told:/root/'];
  expect(await shown('docker', into)).toBe('Successfully copied 4.61kB to told:/root/');
  // A header more: Docker's client drops the nanoseconds of times.
  expect(await shown('gantry', into)).toBe('Successfully copied 5.63kB to told:/root/');
});

test('events tell what was done, and a commit that pauses says so', async () => {
  await docker('run', '-d', '--name', 'told-of', 'busybox', 'sleep', '1000');
  await docker('cp', fileWith('x'), 'told-of:/f');
  await docker('cp', 'told-of:/f', join(area, 'out'));
  await engine.run('docker', ['export', 'told-of', '-o', join(area, 'tar')]);
  await docker('commit', 'told-of', 'told:1');
  await docker('commit', '--pause=false', 'told-of', 'told:2');
  await docker('save', '-o', join(area, 'saved'), 'told:2');
  const reply = await engine.api('GET', `/events?since=0&until=${(Date.now() / 1000).toFixed(3)}`);
  const events = (await reply.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .map(({ Type, Action }: { Type: string; Action: string }) => `${Type} ${Action}`);
  expect(events.slice(events.lastIndexOf('container start'))).toEqual([
    'container start',
    'container extract-to-dir',
    'container archive-path',
    'container export',
    'container pause',
    'image create',
    'container commit',
    'container unpause',
    'image create',
    'container commit',
    'image save',
  ]);
  await docker('rm', '-f', 'told-of');
});

test('GET /images/{name}/get is the same archive as GET /images/get?names=', async () => {
  const bytes = async (path: string): Promise<string> => {
    const reply = await engine.api('GET', path);
    expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'application/x-tar']);
    return new Bun.CryptoHasher('sha256').update(await reply.arrayBuffer()).digest('hex');
  };
  expect(await bytes('/images/busybox:latest/get')).toBe(await bytes('/images/get?names=busybox:latest'));
  expect((await engine.api('GET', '/images/nosuch/get')).status).toBe(404);
});

test('a start waits for the copy of a container that does not run, and a removed container is gone for both', async () => {
  await docker('create', '--name', 'waited', 'busybox', 'true');
  const reply = await engine.api('GET', '/containers/waited/export');
  const started = docker('start', 'waited');
  await reply.arrayBuffer();
  expect(await started).toBe('waited');
  await docker('rm', '-f', 'waited');
  expect((await engine.api('GET', '/containers/waited/archive?path=/')).status).toBe(404);
});

test('a file that a client writes keeps its name until it is whole', async () => {
  const path = join(area, 'export.tar');
  writeFileSync(path, 'the old one');
  expect((await engine.run('gantry', ['export', 'nosuch', '-o', path])).exitCode).toBe(1);
  expect(readFileSync(path, 'utf8')).toBe('the old one');
  await docker('create', '--name', 'whole', 'busybox', 'true');
  await engine.output('gantry', ['export', 'whole', '-o', path]);
  expect(statSync(path).size).toBeGreaterThan(1_000_000);
  expect(readdirSync(area).filter((name) => name.endsWith('.part'))).toEqual([]);
});
