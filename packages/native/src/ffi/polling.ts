import { syscall, trySyscall } from './libc.ts';

export const pollEvent = { in: 1, out: 4, error: 8, hangup: 16, readHangup: 0x2000, edge: 2 ** 31 } as const;

// struct epoll_event is packed on x86_64 only.
const stride = process.arch === 'x64' ? 12 : 16;
const dataAt = process.arch === 'x64' ? 4 : 8;
const area = new DataView(new ArrayBuffer(64 * stride));

/** An epoll instance, close-on-exec. It is itself a descriptor that polls readable when something is ready. */
export function epollCreate(): number {
  return syscall('epoll_create1', 0o2000000);
}

/** Adds, changes or drops a descriptor; ready events come back with the descriptor's number. */
export function epollControl(
  epoll: number,
  change: 'add' | 'modify' | 'delete',
  on: { fd: number; events: number },
): void {
  area.setUint32(0, on.events, true);
  area.setBigUint64(dataAt, BigInt(on.fd), true);
  syscall('epoll_ctl', epoll, { add: 1, delete: 2, modify: 3 }[change], on.fd, area);
}

/** Waits up to `timeoutMs` (-1: for ever; it blocks the thread) for up to 64 events. */
export function epollWait(epoll: number, timeoutMs: number): { fd: number; events: number }[] {
  const count = trySyscall('epoll_pwait', epoll, area, 64, timeoutMs, null, 8);
  return Array.from({ length: Math.max(count, 0) }, (_, index) => ({
    fd: Number(area.getBigUint64(index * stride + dataAt, true)),
    events: area.getUint32(index * stride, true),
  }));
}

/** A counter that wakes a poller, close-on-exec and non-blocking. */
export function eventfd(): number {
  return syscall('eventfd2', 0, 0o2000000 | 0o4000);
}

/** A pipe, close-on-exec: reading end first. */
export function pipe(): readonly [number, number] {
  const pair = new Int32Array(2);
  syscall('pipe2', pair, 0o2000000);
  return [pair[0] ?? -1, pair[1] ?? -1];
}
