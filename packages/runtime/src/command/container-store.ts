import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { EngineError, messageOf } from '@gantry/base';
import { tryLock } from '@gantry/native';
import type { RuntimeSpec, RuntimeState } from '@gantry/oci';
import { isFrozen } from '../cgroup/freezer.ts';
import { cgroupFiles } from '../cgroup/layout.ts';
import type { CgroupLayout } from '../facts.ts';
import { processRuns } from '../process-runs.ts';

/** What the command keeps of a container, as `state.json` in its directory below the root. */
export type StoredContainer = {
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly pid: number;
  readonly startTicks: number;
  readonly cgroupPath: string;
  readonly spec: RuntimeSpec;
};

/** The specification's states, and runc's own for a container whose processes are frozen. */
export type Status = RuntimeState['status'] | 'paused';

/** The directories of all containers below one root. */
export type ContainerStore = {
  /** Also the task directory of its shim. */
  directory(id: string): string;
  /** Takes an ID. @throws conflict when it is taken, invalid when it is no name */
  claim(id: string): string;
  save(container: StoredContainer): void;
  /** @throws not-found */
  get(id: string): StoredContainer;
  list(): readonly StoredContainer[];
  remove(id: string): void;
  /** One command at a time changes a container. */
  lock(id: string): Promise<Disposable>;
};

const idPattern = /^[\w+.-]+$/;

export function openContainerStore(root: string): ContainerStore {
  const directory = (id: string): string => {
    if (!idPattern.test(id) || id === '.' || id === '..') {
      throw new EngineError('invalid', `cannot use container ID "${id}": only letters, digits and _+-. are allowed`);
    }
    return join(root, id);
  };
  const find = (id: string): StoredContainer | undefined => {
    const path = join(directory(id), 'state.json');
    return existsSync(path) ? parseStored(readFileSync(path, 'utf8')) : undefined;
  };
  return {
    directory,
    claim: (id) => {
      const path = directory(id);
      mkdirSync(root, { recursive: true, mode: 0o711 });
      try {
        mkdirSync(path, { mode: 0o711 });
      } catch (error) {
        if (existsSync(path)) throw new EngineError('conflict', `container with ID "${id}" already exists`);
        throw new EngineError('internal', `cannot make "${path}": ${messageOf(error)}`, { cause: error });
      }
      return path;
    },
    save: (container) => {
      const path = join(directory(container.id), 'state.json');
      writeFileSync(`${path}.new`, JSON.stringify(container), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    },
    get: (id) => {
      const found = find(id);
      if (found === undefined) throw new EngineError('not-found', `container "${id}" does not exist`);
      return found;
    },
    list: () => {
      const ids = existsSync(root) ? readdirSync(root).filter((id) => idPattern.test(id)) : [];
      return ids.map(find).filter((container) => container !== undefined);
    },
    remove: (id) => rmSync(directory(id), { recursive: true, force: true }),
    lock: (id) => holdLock(directory(id), id),
  };
}

async function holdLock(path: string, id: string): Promise<Disposable> {
  if (!existsSync(path)) throw new EngineError('not-found', `container "${id}" does not exist`);
  const fd = openSync(path, 'r');
  // The holder is another process: nothing but asking again tells when it is done.
  while (!tryLock(fd)) await Bun.sleep(1);
  return { [Symbol.dispose]: () => closeSync(fd) };
}

/** Only this command writes the file, in the directory of one user: its shape is trusted, its presence is not. */
function parseStored(text: string): StoredContainer {
  return JSON.parse(text) as StoredContainer;
}

/** How a container stands, from the kernel and from what its shim left on disk. */
export function statusOf(container: StoredContainer, directory: string, layout: CgroupLayout): Status {
  if (readText(join(directory, 'exit')) !== undefined || !processRuns(container)) return 'stopped';
  const freezer = cgroupFiles(layout, container.cgroupPath).freeze;
  if (freezer !== undefined && isFrozen(freezer)) return 'paused';
  return existsSync(join(directory, 'started')) ? 'running' : 'created';
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Absent, or gone between two looks: both mean that there is nothing to read.
    return undefined;
  }
}
