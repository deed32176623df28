import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { openFiles } from '../harness/leaks.ts';
import { type Member, makeTar } from '../images/made-image.ts';

/**
 * The attacks on `cp` and `export` that other engines fell to, each tried with a canary on the host: while a container
 * exchanges a directory for a link to it, or with an archive that a client was talked into sending.
 */
setDefaultTimeout(120_000);

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

/** A directory of the host that no container may read from or write to. */
function makeCanary(): { readonly path: string; unharmed(): void } {
  const path = mkdtempSync(join(area, 'canary-'));
  writeFileSync(join(path, 'secret'), 'of the host', { mode: 0o600 });
  const before = statSync(path).mtimeMs;
  return {
    path,
    unharmed: () => {
      expect(readdirSync(path)).toEqual(['secret']);
      expect(readFileSync(join(path, 'secret'), 'utf8')).toBe('of the host');
      expect(statSync(join(path, 'secret')).mode & 0o7777).toBe(0o600);
      expect(statSync(path).mtimeMs).toBe(before);
    },
  };
}

/** Exchanges two names for as long as it is not disposed of. */
async function exchange(directory: string, one: string, other: string): Promise<Disposable> {
  const probe = join(import.meta.dirname, 'exchange-probe.ts');
  const child = Bun.spawn([process.execPath, probe, directory, one, other], { stdout: 'pipe', stderr: 'inherit' });
  await child.stdout.getReader().read();
  return { [Symbol.dispose]: () => child.kill('SIGKILL') };
}

async function runningContainer(name: string, script: string): Promise<{ pid: string }> {
  await engine.output('docker', ['run', '-d', '--name', name, '--network', 'none', 'busybox', 'sh', '-c', script]);
  await engine.output('docker', ['exec', name, 'sh', '-c', 'until [ -e /ready ]; do sleep 0.01; done']);
  return { pid: await engine.output('docker', ['inspect', '-f', '{{.State.Pid}}', name]) };
}

test('CVE-2018-15664: while a directory is exchanged for a link to the host, cp reads and writes the container alone', async () => {
  const canary = makeCanary();
  const script = `mkdir -p /x/dir && echo inside > /x/dir/secret && ln -s ${canary.path} /x/link && touch /ready; exec sleep 1000`;
  const { pid } = await runningContainer('racing', script);
  const mine = join(area, 'mine');
  writeFileSync(mine, 'from outside');
  const seen = new Set<string>();
  {
    using _loop = await exchange(`/proc/${pid}/root/x`, 'dir', 'link');
    for (let i = 0; i < 60; i++) {
      const out = await engine.run('gantry', ['cp', 'racing:/x/dir/secret', '-']);
      seen.add(out.exitCode === 0 ? (/inside|from outside|of the host/.exec(out.stdout)?.[0] ?? '?') : 'refused');
      const into = await engine.run('gantry', ['cp', mine, 'racing:/x/dir/secret']);
      expect(into.stdout).toBe('');
      if (i % 20 === 0) await engine.run('docker', ['cp', mine, `racing:/x/dir/new-${i}`]);
    }
  }
  expect(seen.has('of the host')).toBe(false);
  // Which one depends on whether a copy in came before the first copy out.
  expect(seen.has('inside') || seen.has('from outside')).toBe(true);
  canary.unharmed();
  await engine.output('docker', ['rm', '-f', 'racing']);
});

test('CVE-2018-15664: an export of a tree that changes under it holds nothing of the host', async () => {
  const canary = makeCanary();
  const script = `mkdir -p /x/dir/deep && echo inside > /x/dir/deep/secret && ln -s ${canary.path} /x/link && touch /ready; exec sleep 1000`;
  const { pid } = await runningContainer('exported', script);
  using _loop = await exchange(`/proc/${pid}/root/x`, 'dir', 'link');
  for (let i = 0; i < 10; i++) {
    const { stdout } = await engine.run('gantry', ['export', 'exported']);
    expect(stdout.includes('of the host')).toBe(false);
  }
  canary.unharmed();
});

test('CVE-2026-42306, CVE-2026-41568: a bind whose target is exchanged for a link makes and mounts nothing on the host', async () => {
  const canary = makeCanary();
  const bound = mkdtempSync(join(area, 'bound-'));
  writeFileSync(join(bound, 'file'), 'bound');
  const file = join(area, 'bound-file');
  writeFileSync(file, 'x');
  await engine.output('docker', ['volume', 'create', 'shared']);
  const data = await engine.output('docker', ['volume', 'inspect', '-f', '{{.Mountpoint}}', 'shared']);
  mkdirSync(join(data, 'dir'));
  await engine.output('docker', ['run', '--rm', '-v', 'shared:/v', 'busybox', 'ln', '-s', canary.path, '/v/link']);
  const binds = ['-v', 'shared:/v', '-v', `${bound}:/v/dir/on`, '-v', `${file}:/v/dir/new-file`];
  await engine.output('docker', ['create', '--name', 'swapped', ...binds, 'busybox', 'true']);
  {
    using _loop = await exchange(data, 'dir', 'link');
    for (let i = 0; i < 15; i++) {
      await engine.run('gantry', ['cp', file, 'swapped:/v/dir/copied']);
      await engine.run('gantry', ['cp', 'swapped:/v/dir', '-']);
    }
  }
  canary.unharmed();
  expect(readFileSync('/proc/self/mountinfo', 'utf8').includes(canary.path)).toBe(false);
  await engine.output('docker', ['rm', 'swapped']);
  await engine.output('docker', ['volume', 'rm', 'shared']);
});

test('links that lead out of a container end inside it, however they are written', async () => {
  const canary = makeCanary();
  const links = [canary.path, `../../../../../../../..${canary.path}`, `/proc/self/root${canary.path}`, '/proc/1/root'];
  const script = `${links.map((to, i) => `ln -s ${to} /l${i}`).join(';')}; touch /ready; exec sleep 1000`;
  await runningContainer('linked', script);
  const mine = join(area, 'mine2');
  writeFileSync(mine, 'x');
  for (const i of links.keys()) {
    for (const path of [`/l${i}/secret`, `/l${i}/.`, `/l${i}/`]) {
      const out = await engine.run('gantry', ['cp', '-L', `linked:${path}`, '-']);
      expect([path, out.stdout.includes('of the host')]).toEqual([path, false]);
      await engine.run('gantry', ['cp', mine, `linked:${path}`]);
    }
  }
  await engine.run('gantry', ['cp', 'linked:/../../../../etc/shadow', '-']);
  canary.unharmed();
});

/** `docker cp - c:/x < tar`. */
const sendTar = (container: string, members: readonly Member[]) =>
  engine.run('docker', ['cp', '-', `${container}:/tmp`], { stdin: makeTar(members) });

test('CVE-2021-41089: an archive that climbs, links or changes modes outside is refused or stays inside', async () => {
  const canary = makeCanary();
  await engine.output('docker', ['create', '--name', 'target', 'busybox', 'true']);
  const outside = canary.path.slice(1);
  const up = '../'.repeat(12);
  const rows: readonly (readonly [Member[], string])[] = [
    [[{ kind: 'file', path: `${up}${outside}/new`, text: 'x' }], 'climbs out of the root'],
    [[{ kind: 'hardlink', path: 'h', linkPath: `${up}${outside}/secret` }], 'climbs out of the root'],
    [[{ kind: 'hardlink', path: 'h', linkPath: `/${outside}/secret`, mode: 0o4777 }], 'which this layer does not hold'],
    [
      [
        { kind: 'symlink', path: 's', linkPath: `/${outside}` },
        { kind: 'file', path: 's/new', text: 'x' },
      ],
      'a link to nowhere',
    ],
    [
      [
        { kind: 'symlink', path: 's2', linkPath: `/${outside}` },
        { kind: 'directory', path: 's2', mode: 0o777 },
      ],
      'cannot overwrite non-directory',
    ],
  ];
  for (const [members, why] of rows) {
    const { stderr, exitCode } = await sendTar('target', members);
    expect([stderr.includes(why), stderr, exitCode]).toEqual([true, stderr, 1]);
    canary.unharmed();
  }
  await engine.output('docker', ['rm', 'target']);
});

test('CVE-2026-41567, CVE-2019-14271: nothing of the container is run: no decompressor, no library', async () => {
  await engine.output('docker', ['create', '--name', 'trapped', 'busybox', 'true']);
  const trap = join(area, 'trap');
  writeFileSync(trap, `#!/bin/sh\ntouch ${join(area, 'sprung')}\n`);
  chmodSync(trap, 0o755);
  for (const name of ['xz', 'unxz', 'gzip', 'unpigz', 'zstd', 'bzip2'])
    await engine.output('docker', ['cp', trap, `trapped:/bin/${name}`]);
  const xz = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0, 0, 0, 0, 0, 0]);
  const refused = await engine.run('docker', ['cp', '-', 'trapped:/tmp'], { stdin: xz });
  expect(refused.stderr).toContain('it is compressed with xz');
  const packed = Bun.gzipSync(Buffer.from(makeTar([{ kind: 'file', path: 'packed', text: 'unpacked' }])));
  await engine.output('docker', ['cp', '-', 'trapped:/tmp'], { stdin: packed });
  expect(await engine.output('docker', ['cp', 'trapped:/tmp/packed', '-'])).toContain('unpacked');
  expect(readdirSync(area)).not.toContain('sprung');
});

test('an archive can bring a device, and its node is made in the container alone', async () => {
  await runningContainer('devices', 'touch /ready; exec sleep 1000');
  await sendTar('devices', [{ kind: 'character', path: 'null', major: 1, minor: 3, mode: 0o640 }]);
  expect(await engine.output('docker', ['exec', 'devices', 'stat', '-c', '%F %a', '/tmp/null'])).toBe(
    'character special file 640',
  );
  expect(statSync('/dev/null').mode & 0o777).toBe(0o666);
});

test('what is broken off, refused or done leaves no file open and no thread in another namespace', async () => {
  await engine.output('docker', ['create', '--name', 'kept', 'busybox', 'true']);
  const before = openFiles(engine.pid());
  for (let i = 0; i < 5; i++) {
    await engine.output('gantry', ['cp', 'kept:/bin/busybox', '-']).catch(() => '');
    await engine.run('gantry', ['cp', 'kept:/nope', '-']);
    const reply = await fetch('http://engine/containers/kept/export', { unix: engine.host.slice(7) });
    await reply.body?.cancel();
  }
  // The lock is free again, or this would wait for ever.
  await engine.output('docker', ['start', 'kept']);
  await engine.output('docker', ['wait', 'kept']);
  expect(openFiles(engine.pid()).length).toBeLessThanOrEqual(before.length + 2);
  const home = readlink(`/proc/${engine.pid()}/ns/mnt`);
  const tasks = readdirSync(`/proc/${engine.pid()}/task`);
  const strays = tasks.filter(
    (task) => ![home, undefined].includes(readlink(`/proc/${engine.pid()}/task/${task}/ns/mnt`)),
  );
  expect(strays).toEqual([]);
});

function readlink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // the thread has ended
  }
}
