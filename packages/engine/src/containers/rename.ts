import { EngineError } from '@gantry/base';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { parseContainerName } from './names.ts';

/**
 * Gives a container another name, also inside its networks, running or not.
 *
 * @throws invalid, conflict with Docker's texts
 */
export function renameContainer(
  deps: Pick<ContainerDeps, 'db' | 'store' | 'events' | 'networks'>,
  ref: string,
  newName: string,
): void {
  if (bare(ref) === '' || bare(newName) === '')
    throw new EngineError('invalid', 'Neither old nor new names may be empty');
  const container = deps.store.resolve(ref.trim());
  if (bare(newName) === container.name)
    throw new EngineError('invalid', 'Renaming a container with the same name as its current name');
  deps.db.tx(() => {
    const renamed = allocating(() => deps.store.rename(container.id, parseContainerName(newName.trim())));
    deps.networks.renamed(container.id, renamed.name);
    deps.events.record('container', 'rename', container.id, {
      ...containerEvent(renamed),
      oldName: `/${container.name}`,
    });
  });
}

function bare(name: string): string {
  return name.trim().replace(/^\//, '');
}

/** Docker's prefix to whatever is wrong with the new name. */
function allocating<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError(error.code, `Error when allocating new name: ${error.message}`, { cause: error });
  }
}
