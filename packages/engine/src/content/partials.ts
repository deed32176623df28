import { existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, splitDigest } from '@gantry/oci';

/** Ends the name of a file that a later pull may go on with. */
const suffix = '.partial';
const lifetimeMs = 24 * 3600 * 1000;

/** What came of blobs before somebody went away, each in a file that bears the blob's digest. */
export type Partials = {
  /** The file of a blob that is gone on with from now on; undefined while somebody else does. */
  take(digest: Digest): { readonly path: string; readonly release: () => void } | undefined;
  /** Makes a partial blob of a file that has all bytes. @returns false when somebody goes on with that blob now, or there is no file */
  setAside(digest: Digest, path: string): boolean;
  bytes(): number;
  /** Removes those that nobody goes on with. @returns the bytes gained */
  drop(): number;
  /** Removes those that nobody came back for. */
  sweep(): void;
};

export function isPartial(name: string): boolean {
  return name.endsWith(suffix);
}

export function openPartials(directory: string, now: () => Date): Partials {
  const taken = new Set<string>();
  const nameOf = (digest: Digest): string => `${splitDigest(digest).hex}${suffix}`;
  const waiting = () =>
    readdirSync(directory).flatMap((name) => {
      if (!isPartial(name) || taken.has(name)) return [];
      const path = join(directory, name);
      const { size, mtimeMs } = statSync(path);
      return [{ path, sizeBytes: size, writtenMs: mtimeMs }];
    });
  const remove = (files: ReturnType<typeof waiting>): number => {
    for (const { path } of files) rmSync(path, { force: true });
    return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  };
  return {
    take: (digest) => {
      const name = nameOf(digest);
      if (taken.has(name)) return undefined;
      taken.add(name);
      return { path: join(directory, name), release: () => void taken.delete(name) };
    },
    setAside: (digest, path) => {
      const name = nameOf(digest);
      if (taken.has(name) || !existsSync(path)) return false;
      renameSync(path, join(directory, name));
      // Its day begins now.
      utimesSync(join(directory, name), now(), now());
      return true;
    },
    bytes: () => waiting().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    drop: () => remove(waiting()),
    sweep: () => {
      const oldest = now().getTime() - lifetimeMs;
      remove(waiting().filter(({ writtenMs }) => writtenMs < oldest));
    },
  };
}
