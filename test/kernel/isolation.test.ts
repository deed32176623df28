import { afterAll, expect, test } from 'bun:test';
import { readFileSync, readlinkSync } from 'node:fs';
import { defaultMounts } from '@gantry/runtime';
import { boxSpec, closeBoxes, openBox, probe, runBox, sh } from './box.ts';

afterAll(closeBoxes);

const types = ['pid', 'mnt', 'uts', 'ipc', 'net', 'cgroup'] as const;
const hostNamespaces = types.map((type) => readlinkSync(`/proc/self/ns/${type}`));

test('every namespace differs from that of the host', async () => {
  const inside = (await sh(types.map((type) => `readlink /proc/self/ns/${type}`).join(';'))).split('\n');
  expect(inside.filter((name, index) => name === hostNamespaces[index])).toEqual([]);
  expect(inside).toHaveLength(types.length);
});

test('a time namespace is made when asked for', async () => {
  const namespaces = [...(boxSpec([]).linux?.namespaces ?? []), { type: 'time' as const }];
  expect(await sh('readlink /proc/self/ns/time', { linux: { namespaces } })).not.toBe(
    readlinkSync('/proc/self/ns/time'),
  );
  expect(await sh('readlink /proc/self/ns/time')).toBe(readlinkSync('/proc/self/ns/time'));
});

test('namespaces that are not asked for stay those of the host', async () => {
  const namespaces = [{ type: 'mount' as const }];
  const asked = types.filter((type) => type !== 'mnt').map((type) => `readlink /proc/self/ns/${type}`);
  const inside = await sh(asked.join(';'), { spec: { hostname: '' }, linux: { namespaces } });
  expect(inside.split('\n')).toEqual(hostNamespaces.filter((_, index) => types[index] !== 'mnt'));
});

test('namespaces of another container are shared by path', async () => {
  await using first = await openBox(['sleep', '100']);
  const own = boxSpec([]).linux?.namespaces ?? [];
  const shared = { pid: 'pid', network: 'net', ipc: 'ipc', uts: 'uts' } as const;
  const namespaces = own.map(({ type }) =>
    type in shared ? { type, path: `/proc/${first.pid}/ns/${shared[type as keyof typeof shared]}` } : { type },
  );
  const line = 'for type in pid net ipc uts; do readlink /proc/self/ns/$type; done; ps -o comm';
  const inside = await sh(line, { spec: { hostname: '' }, linux: { namespaces } });
  const wanted = Object.values(shared).map((type) => readlinkSync(`/proc/${first.pid}/ns/${type}`));
  expect(inside.split('\n').slice(0, 4)).toEqual(wanted);
  expect(inside).toContain('sleep');
});

test('the root filesystem is mounted in the container and nowhere else', async () => {
  await using box = await openBox(['sleep', '100']);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(box.directory);
  expect(readFileSync(`/proc/${box.pid}/mountinfo`, 'utf8')).toContain(' / / rw');
});

test('nothing of the host is left in the mount table of a container', async () => {
  const sources = await sh('cat /proc/mounts');
  const paths = sources.split('\n').map((line) => line.split(' ')[1] ?? '');
  const allowed = /^\/($|proc|dev|sys)/;
  expect(paths.filter((path) => !allowed.test(path))).toEqual([]);
  expect(sources).not.toContain('ext4');
});

test('the process is PID 1 of a /proc that shows nobody else', async () => {
  expect(await sh('echo $$; ls /proc | grep -E "^[0-9]+$" | wc -l')).toMatch(/^1\n[1-4]$/);
});

test('the host name is the one given, and the domain name too', async () => {
  expect(await sh('hostname; cat /proc/sys/kernel/domainname', { spec: { domainname: 'dom' } })).toBe('box\ndom');
});

test('the default device nodes are what their names say', async () => {
  const names = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];
  const shown = await sh(names.map((name) => `probe stat /dev/${name}`).join(';'));
  expect(shown.split('\n')).toEqual([
    'c 1:3 666 0:0',
    'c 1:5 666 0:0',
    'c 1:7 666 0:0',
    'c 1:8 666 0:0',
    'c 1:9 666 0:0',
    'c 5:0 666 0:0',
  ]);
  expect(await sh('for name in fd stdin stdout stderr ptmx; do readlink /dev/$name; done')).toBe(
    '/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx',
  );
});

test('a device of config.json gets its mode and owner', async () => {
  const devices = [{ type: 'c', path: '/dev/sub/fuse', major: 10, minor: 229, fileMode: 0o640, uid: 5, gid: 6 }];
  expect(await probe('stat /dev/sub/fuse', { linux: { devices } })).toBe('c 10:229 640 5:6');
});

test('standard output can be opened again by its path, by root and by another user', async () => {
  expect(await sh('echo again > /dev/stdout')).toBe('again');
  expect(await sh('echo again > /dev/stdout', { process: { user: { uid: 1000, gid: 1000 } } })).toBe('again');
});

test('/dev/shm has the size it was given, and /dev/mqueue is a message queue', async () => {
  const mounts = defaultMounts.map((mount) =>
    mount.destination === '/dev/shm'
      ? { ...mount, options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=1048576'] }
      : mount,
  );
  const lines = await sh('grep -E " /dev/(shm|mqueue) " /proc/mounts; probe stat /dev/shm', { spec: { mounts } });
  expect(lines).toMatch(/^mqueue \/dev\/mqueue mqueue rw,nosuid,nodev,noexec/);
  expect(lines).toMatch(/\/dev\/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=1024k/);
  expect(lines).toMatch(/d 0:0 1777 0:0$/);
});

test('masked paths read as empty and cannot be uncovered', async () => {
  const linux = { maskedPaths: ['/secret', '/secret.d', '/proc/kcore', '/absent'] };
  const line = 'cat /secret; ls /secret.d; probe umount /secret; probe create /secret.d/x; probe stat /secret';
  expect(await sh(line, { linux })).toBe('EPERM\nEROFS\nc 1:3 666 0:0');
});

test('read-only paths cannot be written, by root with every capability of a container', async () => {
  const line =
    'probe open /proc/sys/kernel/hostname w; probe open /proc/sys/kernel/hostname r; probe remount /proc/sys';
  expect(await sh(line)).toBe('EROFS\nok\nEPERM');
  expect(await probe('create /sys/fs/cgroup/memory/x')).toBe('EROFS');
});

test('a read-only root takes no writes, its /dev and tmpfs do', async () => {
  const spec = { root: { path: '/', readonly: true } };
  expect(await sh('probe create /x; probe create /dev/x; probe create /dev/shm/x', { spec })).toBe('EROFS\nok\nok');
  expect(await probe('create /x')).toBe('ok');
});

test('what a container writes lands in its own layer', async () => {
  await using box = await openBox(['sh', '-c', 'echo mine > /data/new; rm /data/from-image; sleep 100']);
  const seen = await box.exec(['sh', '-c', 'ls /data; cat /data/new']);
  expect(seen.out).toBe('new\nmine\n');
  expect(readFileSync(`${box.directory}/upper/data/new`, 'utf8')).toBe('mine\n');
});

test('a sysctl of a namespace of its own is set', async () => {
  const sysctl = { 'net.ipv4.ip_unprivileged_port_start': '7', 'kernel.shmmni': '99' };
  expect(
    await sh('cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmni', { linux: { sysctl } }),
  ).toBe('7\n99');
});

test('a missing working directory is made', async () => {
  expect(await sh('pwd', { process: { cwd: '/made/for/me' } })).toBe('/made/for/me');
});

test('no descriptor but standard input, output and error reaches the command', async () => {
  expect(await probe('fds')).toBe('0 1 2');
});

test('exit codes and signals are told apart in the record', async () => {
  expect((await runBox(['sh', '-c', 'exit 7'])).record).toMatchObject({ exitCode: 7, signal: 0, oomKilled: false });
  await using box = await openBox(['sleep', '100']);
  box.control.signal(9, false);
  expect((await box.finished()).record).toMatchObject({ exitCode: 137, signal: 9 });
});

test('a container in the PID namespace of the host takes its children with it', async () => {
  const namespaces = (boxSpec([]).linux?.namespaces ?? []).filter(({ type }) => type !== 'pid');
  const { out } = await runBox(['sh', '-c', 'sleep 1234 >/dev/null 2>&1 & echo $!'], { linux: { namespaces } });
  const pid = Number(out);
  expect(pid).toBeGreaterThan(1);
  expect(() => process.kill(pid, 0)).toThrow();
});
