import { afterAll, expect, test } from 'bun:test';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultMounts } from '@gantry/runtime';
import { type BoxChange, closeBoxes, openBox, runBox, sh } from './box.ts';

// Known escapes, tried against the real program. Each names the advisories whose mechanism it repeats, and each looks at
// a canary on the host afterwards.

afterAll(closeBoxes);

type Canary = Disposable & {
  readonly path: string /** @throws Error when the host directory was touched */;
  check(): void;
};

function hostCanary(): Canary {
  const path = mkdtempSync(join(tmpdir(), 'gantry-canary-'));
  writeFileSync(join(path, 'canary'), 'alive\n');
  return {
    path,
    check: () => {
      expect(readdirSync(path)).toEqual(['canary']);
      expect(readFileSync(join(path, 'canary'), 'utf8')).toBe('alive\n');
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(path);
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true }),
  };
}

/** Puts a link to the canary in the place of something that the start relies on. */
const linkInImage = (name: string, target: string): BoxChange => ({
  prepare: ({ upper }) => {
    mkdirSync(join(upper, name, '..'), { recursive: true });
    symlinkSync(target, join(upper, name));
  },
});

/** How a start ended: what the container printed, or why there was none. */
async function outcome(args: readonly string[], change: BoxChange): Promise<string> {
  try {
    const { out, err } = await runBox(args, change);
    return `${out}${err}`.trimEnd();
  } catch (error) {
    return error instanceof Error ? `refused: ${error.message}` : 'refused';
  }
}

for (const name of ['proc', 'sys']) {
  test(`an image whose /${name} is a link is refused (CVE-2019-19921, CVE-2023-28642, CVE-2019-18837)`, async () => {
    using canary = hostCanary();
    expect(await outcome(['true'], linkInImage(name, canary.path))).toStartWith('refused');
    expect(await outcome(['true'], linkInImage(name, '/tmp'))).toStartWith('refused');
    canary.check();
  });
}

for (const name of ['dev', 'dev/null', 'dev/pts', 'dev/console', 'dev/shm', 'etc', 'data']) {
  test(`an image whose /${name} is a link leaves the host alone (CVE-2026-41579, CVE-2026-47766, CVE-2015-3627)`, async () => {
    using canary = hostCanary();
    const mounts = [...defaultMounts, { destination: '/data', type: 'tmpfs', source: 'tmpfs' }];
    for (const target of [
      canary.path,
      `../../../../../..${canary.path}`,
      '/proc/1/root',
      `/proc/self/cwd${canary.path}`,
    ]) {
      const line = `cat ${canary.path}/canary 2>/dev/null; ls /dev >/dev/null; echo x > /dev/null; echo done`;
      const seen = await outcome(['sh', '-c', line], { ...linkInImage(name, target), spec: { mounts } });
      if (!seen.startsWith('refused')) expect(seen).toBe('done');
    }
    canary.check();
  });
}

test('a masked file is masked by the real /dev/null, whatever the image has there (CVE-2025-31133)', async () => {
  using canary = hostCanary();
  const change: BoxChange = {
    linux: { maskedPaths: ['/secret', '/link'] },
    prepare: ({ upper }) => {
      mkdirSync(join(upper, 'dev'));
      symlinkSync(join(canary.path, 'canary'), join(upper, 'dev/null'));
      symlinkSync(join(canary.path, 'canary'), join(upper, 'link'));
    },
  };
  expect(await sh('cat /secret; probe stat /secret', change)).toBe('c 1:3 666 0:0');
  canary.check();
});

test('neither a masked file nor standard input lets a container change the mode of a file of the host', async () => {
  const before = statSync('/dev/null').mode;
  const tries = ['/proc/keys', '/proc/timer_list', '/proc/self/fd/0'].map(
    (path) => `chmod u+x ${path}; chown 1 ${path}`,
  );
  await sh(`${tries.join('; ')}; true`, { linux: { maskedPaths: ['/proc/keys', '/proc/timer_list'] } });
  const { mode, uid } = statSync('/dev/null');
  expect({ mode, uid }).toEqual({ mode: before, uid: 0 });
});

test('no working directory leads out through a descriptor (CVE-2024-21626)', async () => {
  const numbers = Array.from({ length: 20 }, (_, fd) => fd);
  for (const fd of numbers) {
    const seen = await outcome(['pwd'], { process: { cwd: `/proc/self/fd/${fd}` } });
    expect(seen).toStartWith('refused');
  }
  await using box = await openBox(['sleep', '100']);
  for (const fd of numbers) {
    await expect(box.exec(['pwd'], { cwd: `/proc/self/fd/${fd}` })).rejects.toThrow('chdir');
  }
});

test('a working directory behind a link is made in the image and not on the host (CVE-2026-55686, CVE-2024-45310)', async () => {
  using canary = hostCanary();
  const change = { ...linkInImage('link', canary.path), process: { cwd: '/link/made' } };
  expect(await outcome(['pwd'], change)).toMatch(/^\/tmp\/gantry-canary|^refused/);
  canary.check();
});

test('an entry point that runs its own runtime gets a sealed copy (CVE-2019-5736)', async () => {
  const script = {
    prepare: ({ upper }: { upper: string }) => {
      mkdirSync(join(upper, 'bin'));
      writeFileSync(join(upper, 'bin/evil'), '#!/proc/self/exe\n', { mode: 0o755 });
    },
  };
  expect(await outcome(['evil'], script)).not.toContain('alive');
  const reader = 'exec 9</proc/self/exe; probe open /proc/self/exe w; probe open /proc/1/exe w';
  expect(await sh(reader)).not.toContain('ok\nok');
});

test('a container cannot take hold of an exec before it is confined (CVE-2016-9962, CVE-2019-5736)', async () => {
  await using box = await openBox(['probe', 'hunt', '/tmp/stop']);
  for (let turn = 0; turn < 25; turn++) await box.exec(['true']);
  await box.exec(['touch', '/tmp/stop']);
  const { out } = await box.finished();
  // It did look: an answer from before the first exec would prove nothing.
  expect(out).toBe('held 0, saw some\n');
});

test('a mount point that is swapped for a link during the start stays inside (CVE-2021-30465, CVE-2019-19921)', async () => {
  using canary = hostCanary();
  const volume = mkdtempSync(join(tmpdir(), 'gantry-volume-'));
  using _volume = { [Symbol.dispose]: () => rmSync(volume, { recursive: true }) };
  mkdirSync(join(volume, 'dir'));
  symlinkSync(canary.path, join(volume, 'link'));
  const shared = { destination: '/vol', type: 'bind', source: volume, options: ['rbind'] };
  await using racer = await openBox(['probe', 'swap', '/vol/dir', '/vol/link', '/tmp/stop'], {
    spec: { mounts: [...defaultMounts, shared] },
  });
  const inner = { destination: '/vol/dir/inner', type: 'tmpfs', source: 'tmpfs' };
  const victim: BoxChange = { spec: { mounts: [...defaultMounts, shared, inner] } };
  for (let turn = 0; turn < 30; turn++) {
    const seen = await outcome(['sh', '-c', `cat ${canary.path}/canary 2>/dev/null; echo done`], victim);
    if (!seen.startsWith('refused')) expect(seen).toBe('done');
  }
  await racer.exec(['touch', '/tmp/stop']);
  expect((await racer.finished()).out).toBe('swapped\n');
  canary.check();
});

test('the image content for a volume never comes from the host (CVE-2022-23648, CVE-2014-9356)', async () => {
  using canary = hostCanary();
  const volume = mkdtempSync(join(tmpdir(), 'gantry-volume-'));
  using _volume = { [Symbol.dispose]: () => rmSync(volume, { recursive: true }) };
  const copy = (source: string): BoxChange => ({
    ...linkInImage('out', canary.path),
    context: { copyUp: [{ source, hostTarget: volume }] },
  });
  for (const source of [`/../../..${canary.path}`, '/out', '/proc/self/root', '/../..'])
    await outcome(['true'], copy(source));
  expect(readdirSync(volume)).not.toContain('canary');
  canary.check();
});

test('the cgroup tree gives no way to run a program on the host (CVE-2022-0492, CVE-2023-25809)', async () => {
  const lines = await sh(
    'probe open /sys/fs/cgroup/memory/notify_on_release w; probe open /sys/fs/cgroup/devices/devices.allow w; probe mount /tmp cgroup',
  );
  expect(lines).toBe('EROFS\nEROFS\nEPERM');
});

test('no sysctl outside the namespaces of a container is written (CVE-2022-0811)', async () => {
  const before = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
  const attempts: readonly Readonly<Record<string, string>>[] = [
    { 'kernel.core_pattern': '|/x' },
    { 'kernel.shm_rmid_forced': '1+kernel.core_pattern=|/x' },
    { 'net/../kernel/core_pattern': '|/x' },
    { 'net.ipv4.ip_forward': '1\n|/x' },
  ];
  for (const sysctl of attempts) {
    await outcome(['true'], { linux: { sysctl } });
  }
  expect(readFileSync('/proc/sys/kernel/core_pattern', 'utf8')).toBe(before);
});

test('user files that never end are refused in good time (CVE-2023-25153, CVE-2026-47262)', async () => {
  const evil = (make: (etc: string) => void): BoxChange => ({
    context: { user: { spec: 'web', groups: ['extra'] } },
    prepare: ({ upper }) => {
      mkdirSync(join(upper, 'etc'));
      make(join(upper, 'etc'));
    },
  });
  const files: readonly ((etc: string) => void)[] = [
    (etc) => symlinkSync('/dev/zero', join(etc, 'passwd')),
    (etc) => void Bun.spawnSync(['mkfifo', join(etc, 'passwd')]),
    (etc) => void Bun.spawnSync(['mknod', join(etc, 'passwd'), 'c', '1', '5']),
    (etc) => {
      writeFileSync(join(etc, 'group'), '');
      truncateSync(join(etc, 'group'), 2 ** 30);
    },
    (etc) => mkdirSync(join(etc, 'passwd')),
  ];
  for (const make of files) expect(await outcome(['id'], evil(make))).toStartWith('refused');
});

test('a path longer than any message fits is refused, not cut (CVE-2021-43784)', async () => {
  const source = `/${'a'.repeat(70000)}`;
  const mounts = [...defaultMounts, { destination: '/data', type: 'bind', source, options: ['rbind'] }];
  expect(await outcome(['true'], { spec: { mounts } })).toStartWith('refused');
});

test('the shim listens by path alone: no abstract socket can be met from a host network (CVE-2020-15257)', async () => {
  await using box = await openBox(['sleep', '100']);
  const names = readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .map((line) => line.split(/\s+/)[7] ?? '');
  expect(names.filter((name) => name.startsWith('@') && /gantry|shim/.test(name))).toEqual([]);
  expect(box.pid).toBeGreaterThan(0);
});
