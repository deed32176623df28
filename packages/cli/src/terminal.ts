import type { Pointer } from 'bun:ffi';

/** A terminal's size as `ioctl` tells it. */
export type TerminalSize = { readonly rows: number; readonly columns: number };

/** Puts a terminal back as it was when it is disposed. */
export type RawMode = Disposable;

type Libc = {
  isatty(fd: number): number;
  ioctl(fd: number, request: bigint, argument: Pointer): number;
  tcgetattr(fd: number, termios: Pointer): number;
  tcsetattr(fd: number, action: number, termios: Pointer): number;
  cfmakeraw(termios: Pointer): void;
  flock(fd: number, operation: number): number;
};

/** Loaded when a terminal is first asked about: most commands never ask, and the module takes a millisecond. */
function ffi(): typeof import('bun:ffi') {
  return import.meta.require('bun:ffi');
}

let loaded: Libc | undefined;

/** The C library, loaded when a terminal is first asked about: `node:tty` would cost five milliseconds more. */
export function libc(): Libc {
  loaded ??= ffi().dlopen('libc.so.6', {
    isatty: { args: ['int'], returns: 'int' },
    ioctl: { args: ['int', 'u64', 'ptr'], returns: 'int' },
    tcgetattr: { args: ['int', 'ptr'], returns: 'int' },
    tcsetattr: { args: ['int', 'int', 'ptr'], returns: 'int' },
    cfmakeraw: { args: ['ptr'], returns: 'void' },
    flock: { args: ['int', 'int'], returns: 'int' },
  }).symbols as Libc;
  return loaded;
}

export function isTerminal(fd: number): boolean {
  return libc().isatty(fd) === 1;
}

// asm-generic/ioctls.h
const TIOCGWINSZ = 0x5413n;

/** The size of a terminal; undefined when the descriptor is none. */
export function terminalSize(fd: number): TerminalSize | undefined {
  const size = new Uint16Array(4);
  if (libc().ioctl(fd, TIOCGWINSZ, ffi().ptr(size)) !== 0) return undefined;
  return { rows: size[0] ?? 0, columns: size[1] ?? 0 };
}

// glibc's struct termios is 60 bytes on every architecture we build for; 256 leaves room.
const termiosBytes = 256;
const TCSADRAIN = 1;

// asm-generic/termbits.h: c_lflag is the fourth 32-bit word.
const localFlagsWord = 3;
const ECHO = 0o10;

/** Does not show what is typed, for passwords; lines and ctrl-c work as ever. */
export function withoutEcho(fd: number): RawMode {
  const before = new Uint32Array(termiosBytes / 4);
  if (libc().tcgetattr(fd, ffi().ptr(before)) !== 0) return { [Symbol.dispose]: () => undefined };
  const silent = before.slice();
  silent[localFlagsWord] = (silent[localFlagsWord] ?? 0) & ~ECHO;
  libc().tcsetattr(fd, TCSADRAIN, ffi().ptr(silent));
  return { [Symbol.dispose]: () => void libc().tcsetattr(fd, TCSADRAIN, ffi().ptr(before)) };
}

/** Hands every key to the container: no echo, no line editing, no signals from ctrl-c. */
export function enterRawMode(fd: number): RawMode {
  const before = new Uint8Array(termiosBytes);
  if (libc().tcgetattr(fd, ffi().ptr(before)) !== 0) return { [Symbol.dispose]: () => undefined };
  const raw = before.slice();
  libc().cfmakeraw(ffi().ptr(raw));
  libc().tcsetattr(fd, TCSADRAIN, ffi().ptr(raw));
  return { [Symbol.dispose]: () => void libc().tcsetattr(fd, TCSADRAIN, ffi().ptr(before)) };
}
