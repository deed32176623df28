import { close, open, openFlag } from './files.ts';
import { syscall } from './libc.ts';

// asm-generic/ioctls.h: the same on every architecture that runs here.
const request = {
  getAttributes: 0x5401,
  setAttributes: 0x5402,
  control: 0x540e,
  lock: 0x40045431,
  peer: 0x5441,
} as const;

/** Opens a new pseudo-terminal of the host. The caller closes both ends. @throws SystemError */
export function openTerminal(): { readonly master: number; readonly slave: number } {
  const flags = openFlag.readWrite | openFlag.closeOnExec | openFlag.noControllingTty;
  const master = open('/dev/ptmx', flags);
  try {
    syscall('ioctl', master, request.lock, Int32Array.of(0));
    return { master, slave: syscall('ioctl', master, request.peer, flags) };
  } catch (error) {
    close(master);
    throw error;
  }
}

/** Hands every byte through as it is: no echo, no lines, no signals (termios(3), cfmakeraw). */
export function makeRaw(terminal: number): void {
  const [isBytes, controlAt] = [4, 17];
  const attributes = new DataView(new ArrayBuffer(60));
  syscall('ioctl', terminal, request.getAttributes, attributes);
  const clear = (word: number, bits: number, set = 0): void =>
    attributes.setUint32(word * isBytes, (attributes.getUint32(word * isBytes, true) & ~bits) | set, true);
  clear(0, 0x5eb); // IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON
  clear(1, 0x1); // OPOST
  clear(2, 0x130, 0x30); // CSIZE PARENB, then CS8
  clear(3, 0x804b); // ISIG ICANON ECHO ECHONL IEXTEN
  attributes.setUint8(controlAt + 5, 0); // VTIME
  attributes.setUint8(controlAt + 6, 1); // VMIN
  syscall('ioctl', terminal, request.setAttributes, attributes);
}

/** Makes a terminal the one that controls this session: its resizes and its end come as signals. */
export function takeControl(terminal: number): void {
  syscall('ioctl', terminal, request.control, 0);
}
