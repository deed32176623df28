import { closeSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { EngineError } from '@gantry/base';
import { Growth } from '@gantry/layer';
import type { Digest } from '@gantry/oci';
import type { Ingest } from './types.ts';

export type IngestPlace = {
  readonly path: string;
  readonly pathOf: (digest: Digest) => string;
  readonly record: (digest: Digest, sizeBytes: number) => void;
  /** The temporary file is gone. */
  readonly ended: () => void;
};

/** Opens a temporary file for a blob whose digest is not proven yet. */
export function openIngest(place: IngestPlace): Ingest {
  const fd = openSync(place.path, 'wx', 0o600);
  const growth = new Growth();
  let sizeBytes = 0;
  let isOpen = true;
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
    [Symbol.dispose]: () => {
      growth.abandon();
      close();
      rmSync(place.path, { force: true });
      place.ended();
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

/** @throws unavailable when the disk is full */
function writeAll(fd: number, bytes: Uint8Array): void {
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    throw new EngineError('unavailable', 'cannot write blob: no space left on device', {
      hint: 'make room on the data root: docker image prune, docker container prune',
      cause: error,
    });
  }
}
