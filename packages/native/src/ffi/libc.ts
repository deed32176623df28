import { dlopen, FFIType, ptr, read } from 'bun:ffi';
import { type SyscallName, syscallNumbers } from './syscall-numbers.ts';
import { SystemError } from './system-error.ts';

const word = FFIType.i64_fast;
const libc = dlopen('libc.so.6', {
  syscall: { args: [word, word, word, word, word, word, word], returns: word },
  __errno_location: { args: [], returns: FFIType.ptr },
});

const errnoAddress = libc.symbols.__errno_location();
if (errnoAddress === null) throw new Error('unreachable: errno has no address');

/** What a system call takes: a number, or memory whose address is passed; `null` is the null pointer. */
export type SyscallArgument = number | bigint | NodeJS.TypedArray | DataView | null;

const addressOf = (memory: NodeJS.TypedArray | DataView): number => (memory.byteLength === 0 ? 0 : ptr(memory));

const toWord = (value: SyscallArgument | undefined): number | bigint =>
  typeof value === 'object' ? (value === null ? 0 : addressOf(value)) : (value ?? 0);

/**
 * Calls the kernel and returns the result, or the negated errno: for callers to whom a failure is an answer
 * (EAGAIN, EEXIST) and an exception would only cost time.
 *
 * It blocks the calling thread for as long as the kernel does.
 */
export function trySyscall(name: SyscallName, ...args: readonly SyscallArgument[]): number {
  const result = Number(
    libc.symbols.syscall(
      syscallNumbers[name],
      toWord(args[0]),
      toWord(args[1]),
      toWord(args[2]),
      toWord(args[3]),
      toWord(args[4]),
      toWord(args[5]),
    ),
  );
  // errno is this thread's; it is read before anything else can call libc.
  return result === -1 ? -read.i32(errnoAddress as NonNullable<typeof errnoAddress>, 0) : result;
}

/** Calls the kernel. @throws SystemError */
export function syscall(name: SyscallName, ...args: readonly SyscallArgument[]): number {
  return checked(trySyscall(name, ...args), name);
}

/** Passes a result on, or throws what its negated errno says. @throws SystemError */
export function checked(result: number, name: SyscallName, path?: PathLike): number {
  if (result < 0) throw new SystemError(name, -result, path === undefined ? undefined : showPath(path));
  return result;
}

/** A path as text, or as the bytes it has in an archive or a directory when they need not be UTF-8. */
export type PathLike = string | Uint8Array;

const pathMax = 4096;
const scratch = new Uint8Array(2 * pathMax);
const scratchAddress = ptr(scratch);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Copies a path with its NUL into one of two scratch slots and returns the address: calls are synchronous, so two
 * slots serve every call of a thread, and no path costs an allocation.
 *
 * @throws SystemError EINVAL when the path holds a NUL (it would name another file), ENAMETOOLONG
 */
export function pathAddress(path: PathLike, slot: 0 | 1 = 0): number {
  const start = slot * pathMax;
  const area = scratch.subarray(start, start + pathMax);
  const length = typeof path === 'string' ? encodePath(path, area) : copyPath(path, area);
  if (length < 0 || length >= pathMax) throw new SystemError('path', 36, showPath(path));
  if (area.subarray(0, length).includes(0)) throw new SystemError('path', 22, showPath(path));
  area[length] = 0;
  return scratchAddress + start;
}

function encodePath(path: string, area: Uint8Array): number {
  const { read: taken, written } = encoder.encodeInto(path, area);
  return taken === path.length ? written : -1;
}

function copyPath(path: Uint8Array, area: Uint8Array): number {
  if (path.length >= pathMax) return -1;
  area.set(path);
  return path.length;
}

function showPath(path: PathLike): string {
  return typeof path === 'string' ? path : decoder.decode(path);
}
