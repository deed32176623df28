import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EngineError } from '@gantry/base';
import { tryLock } from '@gantry/native';

/**
 * Takes a data root for this daemon alone. The kernel drops the lock when the process ends, however it ends.
 *
 * @throws conflict when another daemon has it
 */
export function lockDataRoot(dataRoot: string): Disposable {
  mkdirSync(dataRoot, { recursive: true, mode: 0o710 });
  const path = join(dataRoot, 'lock');
  const fd = openSync(path, 'a', 0o600);
  if (!tryLock(fd)) {
    closeSync(fd);
    const holder = readPid(path);
    const who = holder === undefined ? 'another daemon' : `the daemon with PID ${holder}`;
    throw new EngineError('conflict', `cannot open data root "${dataRoot}": ${who} is using it`, {
      hint: 'stop that daemon, take over from it with --takeover, or give this one its own --data-root',
    });
  }
  ftruncateSync(fd);
  writeSync(fd, String(process.pid));
  return { [Symbol.dispose]: () => closeSync(fd) };
}

/**
 * Writes the process ID where others look for it.
 *
 * @throws conflict with Docker's text when the file names a process that lives
 */
export function writePidfile(path: string): Disposable {
  mkdirSync(dirname(path), { recursive: true });
  const earlier = readPid(path);
  if (earlier !== undefined && earlier !== process.pid && isAlive(earlier)) {
    throw new EngineError('conflict', `process with PID ${earlier} is still running`, {
      hint: `stop it, or remove ${path} when that is no daemon`,
    });
  }
  writeFileSync(path, String(process.pid), { mode: 0o644 });
  return {
    [Symbol.dispose]: () => {
      if (readPid(path) === process.pid) rmSync(path, { force: true });
    },
  };
}

function readPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim());
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined; // no file, or none that can be read: nobody claims it
  }
}

/** A process that was killed and waits for its parent is a daemon no more. */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false; // no such process
  }
}
