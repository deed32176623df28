import { ptr } from 'bun:ffi';
import { checked, syscall, trySyscall } from './libc.ts';
import { SystemError } from './system-error.ts';

export const socketFamily = { unix: 1, inet: 2, inet6: 10, netlink: 16, packet: 17 } as const;
export const socketType = { stream: 1, datagram: 2, raw: 3, seqpacket: 5 } as const;
export const socketLevel = { socket: 1, ip: 0, ipv6: 41, netlink: 270 } as const;
export const messageFlag = { peek: 2, truncate: 0x20, dontWait: 0x40, noSignal: 0x4000 } as const;

const closeOnExec = 0o2000000;
const nonBlocking = 0o4000;

/** Opens a socket in the calling thread's network namespace, close-on-exec. @throws SystemError */
export function socket(
  family: number,
  type: number,
  options: { readonly protocol?: number; readonly nonBlocking?: boolean } = {},
): number {
  const flags = closeOnExec | (options.nonBlocking === true ? nonBlocking : 0);
  return syscall('socket', family, type | flags, options.protocol ?? 0);
}

/** A connected pair of unix sockets, close-on-exec. */
export function socketPair(type: number = socketType.stream): readonly [number, number] {
  const pair = new Int32Array(2);
  syscall('socketpair', socketFamily.unix, type | closeOnExec, 0, pair);
  return [pair[0] ?? -1, pair[1] ?? -1];
}

/** Binds to an encoded sockaddr. @throws SystemError EADDRINUSE, … */
export function bind(fd: number, address: Uint8Array): void {
  syscall('bind', fd, address, address.length);
}

export function connect(fd: number, address: Uint8Array): void {
  syscall('connect', fd, address, address.length);
}

export function listen(fd: number, backlog: number): void {
  syscall('listen', fd, backlog);
}

export function shutdown(fd: number, how: 'read' | 'write' | 'both'): void {
  syscall('shutdown', fd, { read: 0, write: 1, both: 2 }[how]);
}

export function setSocketOption(
  fd: number,
  option: { readonly level: number; readonly name: number },
  value: number,
): void {
  syscall('setsockopt', fd, option.level, option.name, Int32Array.of(value), 4);
}

export function getSocketOption(fd: number, option: { readonly level: number; readonly name: number }): number {
  const value = new Int32Array(1);
  syscall('getsockopt', fd, option.level, option.name, value, Uint32Array.of(4));
  return value[0] ?? 0;
}

/** The sockaddr that the socket is bound to: a netlink port, or the port the kernel chose for a bind to 0. */
export function socketName(fd: number): Uint8Array {
  const address = new Uint8Array(128);
  const length = Uint32Array.of(address.length);
  syscall('getsockname', fd, address, length);
  return address.subarray(0, length[0]);
}

/** sockaddr_nl: port 0 is the kernel, or lets it choose ours. */
export function netlinkAddress(port = 0, groups = 0): Uint8Array {
  const address = new Uint8Array(12);
  const view = new DataView(address.buffer);
  view.setUint16(0, socketFamily.netlink, true);
  view.setUint32(4, port, true);
  view.setUint32(8, groups, true);
  return address;
}

/** sockaddr_in or sockaddr_in6 of four or sixteen address bytes. */
export function inetAddress(ip: Uint8Array, port: number): Uint8Array {
  const address = new Uint8Array(ip.length === 4 ? 16 : 28);
  const view = new DataView(address.buffer);
  view.setUint16(0, ip.length === 4 ? socketFamily.inet : socketFamily.inet6, true);
  view.setUint16(2, port, false);
  address.set(ip, ip.length === 4 ? 4 : 8);
  return address;
}

/** sockaddr_un of a path. @throws SystemError ENAMETOOLONG for more than the 107 bytes that it holds */
export function unixAddress(path: string): Uint8Array {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length > 107) throw new SystemError('connect', 36, path);
  const address = new Uint8Array(2 + bytes.length + 1);
  address[0] = socketFamily.unix;
  address.set(bytes, 2);
  return address;
}

/** The control message (SCM_RIGHTS) that passes one descriptor over a unix socket. */
export function descriptorMessage(fd: number): Uint8Array {
  const [headerBytes, rights] = [16, 1];
  const control = new Uint8Array(24);
  const view = new DataView(control.buffer);
  view.setBigUint64(0, BigInt(headerBytes + 4), true);
  view.setInt32(8, socketLevel.socket, true);
  view.setInt32(12, rights, true);
  view.setInt32(headerBytes, fd, true);
  return control;
}

/** Sends one message, to `to` or to the connected peer. @returns bytes sent, or a negated errno (EAGAIN is -11) */
export function sendto(fd: number, bytes: Uint8Array, to?: Uint8Array): number {
  return trySyscall('sendto', fd, bytes, bytes.length, messageFlag.noSignal, to ?? null, to?.length ?? 0);
}

/** Receives one message. @returns its length, or a negated errno (EAGAIN is -11, a netlink overrun ENOBUFS is -105) */
export function recv(fd: number, into: Uint8Array, flags = 0): number {
  return trySyscall('recvfrom', fd, into, into.length, flags, null, null);
}

/** Receives one message and its sender's sockaddr. @returns undefined when none waits */
export function recvFrom(fd: number, into: Uint8Array, flags = 0): { length: number; from: Uint8Array } | undefined {
  const from = new Uint8Array(128);
  const fromLength = Uint32Array.of(from.length);
  const length = trySyscall('recvfrom', fd, into, into.length, flags, from, fromLength);
  if (length === -11) return undefined;
  return { length: checked(length, 'recvfrom'), from: from.subarray(0, fromLength[0]) };
}

/** What sendmsg and recvmsg move: bytes, an address, control messages (descriptors, packet information). */
export type Message = { readonly bytes: Uint8Array; readonly address?: Uint8Array; readonly control?: Uint8Array };

const header = new BigUint64Array(7);
const vector = new BigUint64Array(2);
const headerView = new DataView(header.buffer);

function packMessage(message: Message): void {
  const pointer = (memory: Uint8Array | undefined): bigint =>
    memory === undefined || memory.length === 0 ? 0n : BigInt(ptr(memory));
  vector[0] = pointer(message.bytes);
  vector[1] = BigInt(message.bytes.length);
  header[0] = pointer(message.address);
  header[1] = BigInt(message.address?.length ?? 0);
  header[2] = BigInt(ptr(vector));
  header[3] = 1n;
  header[4] = pointer(message.control);
  header[5] = BigInt(message.control?.length ?? 0);
  header[6] = 0n;
}

/** @returns bytes sent, or a negated errno */
export function sendmsg(fd: number, message: Message, flags: number = messageFlag.noSignal): number {
  packMessage(message);
  return trySyscall('sendmsg', fd, header, flags);
}

/** Receives into the given buffers. @returns the lengths the kernel filled, or undefined when nothing waits */
export function recvmsg(
  fd: number,
  message: Message,
  flags = 0,
): { length: number; addressLength: number; controlLength: number; flags: number } | undefined {
  packMessage(message);
  const length = trySyscall('recvmsg', fd, header, flags);
  if (length === -11) return undefined;
  checked(length, 'recvmsg');
  return {
    length,
    addressLength: headerView.getUint32(8, true),
    controlLength: Number(header[5] ?? 0n),
    flags: headerView.getUint32(48, true),
  };
}
