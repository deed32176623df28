import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '@gantry/base';
import { isRepositoryName, type RepositoryName } from '../names.ts';
import type { Layout } from './layout.ts';

/** The names of all repositories. They are read from the directories once and kept, since the process owns them. */
export class Repositories {
  readonly #layout: Layout;
  #names: Promise<Set<RepositoryName>> | undefined;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** In no order. */
  async list(): Promise<readonly RepositoryName[]> {
    this.#names ??= this.#read().catch((error: unknown) => {
      this.#names = undefined;
      throw error;
    });
    return [...(await this.#names)];
  }

  /** Tells of a repository that just got something. */
  async add(name: RepositoryName): Promise<void> {
    (await this.#names)?.add(name);
  }

  /** The directories shall be read again: a collection takes some away. */
  forget(): void {
    this.#names = undefined;
  }

  async #read(): Promise<Set<RepositoryName>> {
    const found = new Set<RepositoryName>();
    const queue = [''];
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      for (const child of await directoriesIn(join(this.#layout.repositories, path))) {
        const below = path === '' ? child : `${path}/${child}`;
        if (child.startsWith('_') && isRepositoryName(path)) found.add(path);
        // Whatever else lies there, `lost+found` for one, is none of ours.
        else if (isRepositoryName(below)) queue.push(below);
      }
    }
    return found;
  }
}

async function directoriesIn(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return []; // swept as empty meanwhile
    throw error;
  }
}
