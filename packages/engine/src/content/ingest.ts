import { closeSync, fstatSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { EngineError, isEngineError } from '@gantry/base';
import { Growth } from '@gantry/layer';
import type { Digest } from '@gantry/oci';
import type { Ingest } from './types.ts';

export type IngestPlace = {
  readonly path: string;
  readonly pathOf: (digest: Digest) => string;
  readonly record: (digest: Digest, sizeBytes: number) => void;
  /** The file bears the digest's name: somebody will find it again. */
  readonly isResumable: boolean;
  readonly onClose?: () => void;
};

/** Opens a temporary file for a blob whose digest is not proven yet; `kept`: with what an earlier try left in it. */
export function openIngest(place: IngestPlace, kept: 'fresh' | 'kept' = 'fresh'): Ingest {
  const fd = openSync(place.path, kept === 'fresh' ? 'wx' : 'a', 0o600);
  const growth = new Growth();
  let sizeBytes = fstatSync(fd).size;
  growth.grow(sizeBytes);
  let isOpen = true;
  let isKept = false;
  const close = (): void => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  return {
    path: place.path,
    growth,
    get sizeBytes() {
      return sizeBytes;
    },
    write: (bytes) => {
      writeAll(fd, bytes);
      sizeBytes += bytes.length;
      growth.grow(sizeBytes);
    },
    complete: () => {
      close();
      growth.complete();
    },
    commit: (digest) => {
      nameBlob(place.path, place.pathOf(digest));
      place.record(digest, sizeBytes);
    },
    keep: () => {
      isKept = place.isResumable;
    },
    [Symbol.dispose]: () => {
      growth.abandon();
      close();
      if (!isKept) rmSync(place.path, { force: true });
      place.onClose?.();
    },
  };
}

/** A second name, not another one: whoever still reads the temporary file by its path finds it until it is disposed. */
function nameBlob(path: string, blobPath: string): void {
  try {
    linkSync(path, blobPath);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // Equal names should be equal bytes. These were verified just now, those may have been damaged since.
    linkSync(path, `${path}.again`);
    renameSync(`${path}.again`, blobPath);
    // A rename between two names of one file does nothing at all.
    rmSync(`${path}.again`, { force: true });
  }
}

const diskFull = 'no space left on device';

/** Tells whether what came of a blob is worth keeping after this: whoever sent it, or asked for it, went away. */
export function mayGoOn(failure: unknown): boolean {
  if (!isEngineError(failure)) return failure instanceof DOMException && failure.name === 'AbortError';
  // Nothing may be kept on a full disk.
  return failure.code === 'cancelled' || (failure.code === 'unavailable' && !failure.message.endsWith(diskFull));
}

/** @throws unavailable when the disk is full */
function writeAll(fd: number, bytes: Uint8Array): void {
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    throw new EngineError('unavailable', `cannot write blob: ${diskFull}`, {
      hint: 'make room on the data root: docker image prune, docker container prune',
      cause: error,
    });
  }
}
