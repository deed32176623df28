import { readFileSync } from 'node:fs';
import { close, sealedMemfd } from './ffi/index.ts';

/** The native program, ready to be run. Disposing lets go of the copy; what runs already keeps it. */
export type NativeProgram = Disposable & {
  /** Executes as long as this process lives, also from children of it. */
  readonly path: string;
};

/**
 * Makes a sealed copy of the native program in memory.
 *
 * SAFETY: a container's init is this program until its exec, and /proc/<pid>/exe leads to it. Nothing can write to a
 * sealed copy, and no file of the host is behind it (CVE-2019-5736).
 */
export async function openNativeProgram(): Promise<NativeProgram> {
  // Embedded in the executable; in a checkout the file that the build left. Asked for late, so that pure code that
  // imports this package needs no build.
  const { default: file } = await import('../build/gantry-native', { with: { type: 'file' } });
  const fd = sealedMemfd('gantry-native', readFileSync(file));
  return { path: `/proc/${process.pid}/fd/${fd}`, [Symbol.dispose]: () => close(fd) };
}

/** The static program that is a container's init with `--init`. */
export async function readInitProgram(): Promise<Uint8Array> {
  const { default: file } = await import('../build/gantry-init', { with: { type: 'file' } });
  return readFileSync(file);
}
