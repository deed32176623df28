import { readFileSync, writeFileSync } from 'node:fs';
import type { FileWrite } from './file-write.ts';

/** Writes limits one after another; when the kernel refuses one, those before it are taken back. */
export function applyWrites(writes: readonly FileWrite[]): void {
  using undo = new DisposableStack();
  for (const { path, data } of writes) {
    const before = readValue(path);
    writeFileSync(path, data);
    if (before !== undefined) undo.defer(() => writeFileSync(path, before));
  }
  undo.move();
}

/** What a limit's file says, when that can be written back: one value, not a table of devices. */
function readValue(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return /^[\w,. -]+$/.test(text) ? text : undefined;
  } catch {
    return undefined; // devices.allow and its like cannot be read
  }
}
