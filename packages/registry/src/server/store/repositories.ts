import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '@gantry/base';
import { parseRepositoryName, type RepositoryName } from '../names.ts';
import { type Layout, linkDirectories } from './layout.ts';

/**
 * The names of all repositories that have, or had, a manifest. They are read from the directories once and kept, since
 * the process owns them.
 */
export class Repositories {
  readonly #layout: Layout;
  #names: Promise<Set<RepositoryName>> | undefined;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** In no order. */
  async list(): Promise<readonly RepositoryName[]> {
    return [...(await this.#all())];
  }

  /** Tells of a repository that just got a manifest. */
  async add(name: RepositoryName): Promise<void> {
    (await this.#all()).add(name);
  }

  /** Reads the directories again: a collection took some away. */
  forget(): void {
    this.#names = undefined;
  }

  #all(): Promise<Set<RepositoryName>> {
    this.#names ??= this.#read().catch((error: unknown) => {
      this.#names = undefined;
      throw error;
    });
    return this.#names;
  }

  async #read(): Promise<Set<RepositoryName>> {
    return new Set(await this.#withDirectory(['_manifests']));
  }

  /** All of them as the directories have them now, those too that only ever got blobs. */
  async readAll(): Promise<readonly RepositoryName[]> {
    return await this.#withDirectory(linkDirectories);
  }

  async #withDirectory(wanted: readonly string[]): Promise<readonly RepositoryName[]> {
    const found: RepositoryName[] = [];
    const queue = [''];
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      const children = await directoriesIn(join(this.#layout.repositories, path));
      if (children.some((child) => wanted.includes(child))) found.push(parseRepositoryName(path));
      for (const child of children) if (!child.startsWith('_')) queue.push(path === '' ? child : `${path}/${child}`);
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
