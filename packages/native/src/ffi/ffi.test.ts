import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ffi from './index.ts';

function scratchDirectory(): { path: string; fd: number } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'gantry-ffi-'));
  const fd = ffi.open(path, ffi.openFlag.directory);
  const drop = (): void => {
    ffi.close(fd);
    rmSync(path, { recursive: true });
  };
  return { path, fd, [Symbol.dispose]: drop };
}

const write = ffi.openFlag.create | ffi.openFlag.readWrite;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('a failed call names the call, the errno and the path', () => {
  let caught: unknown;
  try {
    ffi.open('/no/such/file', ffi.openFlag.readOnly);
  } catch (error) {
    caught = error;
  }
  expect(ffi.isSystemError(caught, 'ENOENT')).toBe(true);
  expect(String(caught)).toBe('SystemError: ENOENT: openat2 "/no/such/file"');
});

test('a path with a NUL is refused before the kernel sees half of it', () => {
  expect(() => ffi.open('/etc/passwd\0.txt', 0)).toThrow('EINVAL');
  expect(() => ffi.open(`/${'x'.repeat(5000)}`, 0)).toThrow('ENAMETOOLONG');
});

test('openat2 in a root does not leave it by a link', () => {
  using dir = scratchDirectory();
  ffi.symlinkat('/etc/hostname', dir.fd, 'out');
  const resolve = ffi.resolveFlag.inRoot | ffi.resolveFlag.noMagicLinks;
  expect(() => ffi.openat2(dir.fd, 'out', { flags: 0, resolve })).toThrow('ENOENT');
  expect(() => ffi.openat2(dir.fd, 'out', { flags: 0, resolve: ffi.resolveFlag.beneath })).toThrow('EXDEV');
});

test('what is written, timed and linked is what stat and reading give back', () => {
  using dir = scratchDirectory();
  using file = ffi.openDescriptor(ffi.openat2(dir.fd, 'a', { flags: write, mode: 0o600 }));
  ffi.writeFd(file.fd, bytes('hello'));
  ffi.pwrite(file.fd, bytes('J'), 0);
  ffi.fchmod(file.fd, 0o4751);
  ffi.futimens(file.fd, { accessed: { seconds: 1, nanoseconds: 2 }, modified: { seconds: -3, nanoseconds: 4 } });
  ffi.linkat({ fromDir: dir.fd, from: 'a', toDir: dir.fd, to: 'b' });
  ffi.mkdirat(dir.fd, 'd', 0o700);
  ffi.renameat2({ fromDir: dir.fd, from: 'b', toDir: dir.fd, to: 'd/b' }, ffi.renameFlag.noReplace);

  const { mode, linkCount, sizeBytes, accessedNs, modifiedNs } = ffi.statAt(dir.fd, 'd/b');
  expect({ mode, linkCount, sizeBytes, accessedNs, modifiedNs }).toEqual({
    mode: 0o104751,
    linkCount: 2,
    sizeBytes: 5,
    accessedNs: 1_000_000_002n,
    modifiedNs: -2_999_999_996n,
  });
  const read = new Uint8Array(16);
  expect(ffi.pread(file.fd, read, 0)).toBe(5);
  expect(new TextDecoder().decode(read.subarray(0, 5))).toBe('Jello');
  const names = ffi.readDirectory(dir.fd).map((entry) => new TextDecoder().decode(entry.name));
  expect(names.sort()).toEqual(['a', 'd']);
});

test('attributes are set on a symbolic link itself and read back', () => {
  if (process.getuid?.() !== 0) return;
  using dir = scratchDirectory();
  ffi.symlinkat('nowhere', dir.fd, 'link');
  const flags = ffi.openFlag.path | ffi.openFlag.noFollow;
  using link = ffi.openDescriptor(ffi.openat2(dir.fd, 'link', { flags }));
  ffi.setXattr(link.fd, 'trusted.gantry', bytes('x'));
  expect(ffi.listXattrs(link.fd)).toEqual(['trusted.gantry']);
  expect(ffi.getXattr(link.fd, 'trusted.gantry')).toEqual(bytes('x'));
  ffi.removeXattr(link.fd, 'trusted.gantry');
  expect(ffi.getXattr(link.fd, 'trusted.gantry')).toBeUndefined();
  ffi.fchownat(dir.fd, 'link', { uid: 12, gid: 34 });
  expect(ffi.fstat(link.fd)).toMatchObject({ uid: 12, gid: 34 });
});

test('a sealed copy cannot be written', () => {
  using copy = ffi.openDescriptor(ffi.sealedMemfd('program', bytes('elf')));
  expect(() => ffi.pwrite(copy.fd, bytes('x'), 0)).toThrow('EPERM');
  expect(() => ffi.ftruncate(copy.fd, 0)).toThrow('EPERM');
});

test('messages and their descriptors of waiting pass through sockets and epoll', () => {
  const [left, right] = ffi.socketPair(ffi.socketType.seqpacket);
  using _left = ffi.openDescriptor(left);
  using _right = ffi.openDescriptor(right);
  using epoll = ffi.openDescriptor(ffi.epollCreate());
  ffi.epollControl(epoll.fd, 'add', { fd: right, events: ffi.pollEvent.in });
  expect(ffi.epollWait(epoll.fd, 0)).toEqual([]);
  expect(ffi.sendto(left, bytes('one'))).toBe(3);
  expect(ffi.sendmsg(left, { bytes: bytes('three') })).toBe(5);
  expect(ffi.epollWait(epoll.fd, 1000)).toEqual([{ fd: right, events: ffi.pollEvent.in }]);
  const into = new Uint8Array(64);
  expect(ffi.recvFrom(right, into)?.length).toBe(3);
  expect(ffi.recvmsg(right, { bytes: into })?.length).toBe(5);
  expect(ffi.recvmsg(right, { bytes: into }, ffi.messageFlag.dontWait)).toBeUndefined();
});

test('a worker calls the kernel with its own errno', async () => {
  const source = `import { trySyscall } from ${JSON.stringify(join(import.meta.dir, 'index.ts'))};
    postMessage([trySyscall('close', 9999), trySyscall('getpid')]);`;
  using dir = scratchDirectory();
  writeFileSync(join(dir.path, 'worker.ts'), source);
  const worker = new Worker(join(dir.path, 'worker.ts'));
  const answer = await new Promise((resolve, reject) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.terminate();
  expect(answer).toEqual([-9, process.pid]);
});
