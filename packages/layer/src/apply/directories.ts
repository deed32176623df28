import { close, fchmod, isSystemError, mkdirat, openat2, openFlag, resolveFlag } from '@gantry/native';
import { pathOfBytes } from '../byte-string.ts';
import { badEntry, splitPath } from './entry-path.ts';

const maximumOpen = 128;

/**
 * Directories of the tree being unpacked, as descriptors: every act happens below one of them, by one plain name.
 *
 * SAFETY: a parent is opened with the root as `/`, so links inside the tree, absolute or with any number of `..`, end
 * inside it; magic links are refused. The descriptors are kept because archives list neighbours together.
 */
export class Directories implements Disposable {
  readonly #root: number;
  readonly #open = new Map<string, number>();
  readonly #implied = new Set<string>();

  constructor(root: number) {
    this.#root = root;
  }

  /** Directories that no entry named yet: made with mode 0755 and the root user. */
  get implied(): ReadonlySet<string> {
    return this.#implied;
  }

  /** The directory itself was listed after all. */
  named(path: string): void {
    this.#implied.delete(path);
  }

  /** Opens a directory, and makes it and its parents when they are missing. The descriptor stays this object's. */
  open(path: string): number {
    return this.find(path) ?? this.#keep(path, this.#make(path));
  }

  /** Opens a directory if there is one. The descriptor stays this object's. */
  find(path: string): number | undefined {
    if (path === '') return this.#root;
    const kept = this.#open.get(path);
    if (kept !== undefined) return kept;
    const fd = this.#tryOpen(path);
    return fd === undefined ? undefined : this.#keep(path, fd);
  }

  /** Something was replaced: what a path leads to may be another directory now. */
  forget(): void {
    for (const fd of this.#open.values()) close(fd);
    this.#open.clear();
  }

  [Symbol.dispose](): void {
    this.forget();
  }

  #keep(path: string, fd: number): number {
    if (this.#open.size >= maximumOpen) this.forget();
    this.#open.set(path, fd);
    return fd;
  }

  #tryOpen(path: string): number | undefined {
    try {
      return openat2(this.#root, pathOfBytes(path), {
        flags: openFlag.directory | openFlag.readOnly,
        resolve: resolveFlag.inRoot | resolveFlag.noMagicLinks,
      });
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return undefined;
      if (isSystemError(error, 'ENOTDIR')) throw badEntry(path, 'it is not a directory, but holds files');
      if (isSystemError(error, 'ELOOP')) throw badEntry(path, 'its links go in circles');
      throw error;
    }
  }

  #make(path: string): number {
    const { parent, name } = splitPath(path);
    try {
      mkdirat(this.open(parent), pathOfBytes(name), 0o755);
      this.#implied.add(path);
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
      throw badEntry(path, 'it is a link to nowhere, but holds files');
    }
    const fd = this.#tryOpen(path);
    if (fd === undefined) throw badEntry(path, 'it vanished while it was unpacked');
    // The umask had its say at mkdir.
    fchmod(fd, 0o755);
    return fd;
  }
}
