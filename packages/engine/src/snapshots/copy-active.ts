import { chmodSync, chownSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { removeTreeInTurns, TreeThread } from '@gantry/layer';
import { open, openDescriptor, openFlag } from '@gantry/native';
import { makingName } from './directories.ts';
import type { WholeDriver } from './drivers/driver.ts';

/**
 * Makes a container's copy of a tree. Its root has the owner and mode that an overlay's has. It appears when it is
 * complete, and the directory beside it is made just before: what changes later was changed by the container.
 *
 * @param own the container's directory, there or not
 * @param from undefined: a copy of nothing
 */
export async function copyActive(driver: WholeDriver, own: string, from: string | undefined): Promise<void> {
  mkdirSync(own, { recursive: true, mode: 0o700 });
  // A daemon that was killed left it.
  await clear(driver, own);
  const making = join(own, makingName);
  try {
    if (from === undefined) driver.make(making);
    else {
      await using thread = new TreeThread({ verb: 'copy', copy: { from, to: making, by: driver.copiesBy } });
      await thread.head;
    }
  } catch (error) {
    await clear(driver, own);
    throw error;
  }
  chownSync(making, 0, 0);
  chmodSync(making, 0o755);
  mkdirSync(join(own, 'work'), { mode: 0o700 });
  renameSync(making, join(own, 'fs'));
}

async function clear(driver: WholeDriver, own: string): Promise<void> {
  using fd = openDescriptor(open(own, openFlag.readOnly | openFlag.directory));
  driver.drop(fd.fd, makingName);
  for (const name of [makingName, 'work']) await removeTreeInTurns(fd.fd, name);
}
