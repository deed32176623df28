import { renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { EngineError, messageOf } from '@gantry/base';

/** `--pid-file`: complete as soon as it has its name, for whoever watches for it. @throws invalid when it cannot be written */
export function writePidFile(path: string | undefined, pid: number): void {
  if (path === undefined) return;
  const beside = join(dirname(path), `.${basename(path)}`);
  try {
    writeFileSync(beside, String(pid));
    renameSync(beside, path);
  } catch (cause) {
    throw new EngineError('invalid', `cannot write PID file "${path}": ${messageOf(cause)}`, { cause });
  }
}
