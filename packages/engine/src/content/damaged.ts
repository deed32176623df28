import { createHash } from 'node:crypto';
import { createReadStream, lstatSync } from 'node:fs';
import type { DamagedBlob, StoredBlob } from './types.ts';

/** Compares files with what their rows say of them. A file is read in pieces, and others get their turn in between. */
export async function findDamaged(
  blobs: readonly (StoredBlob & { readonly path: string })[],
  { reads, signal }: { reads: boolean; signal: AbortSignal },
): Promise<readonly DamagedBlob[]> {
  const damaged: DamagedBlob[] = [];
  for (const blob of blobs) {
    signal.throwIfAborted();
    const problem = wrongSize(blob) ?? (reads ? await wrongDigest(blob, signal) : undefined);
    if (problem !== undefined) damaged.push({ digest: blob.digest, path: blob.path, problem });
  }
  return damaged;
}

function wrongSize({ path, sizeBytes }: StoredBlob & { path: string }): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 'its file is missing';
  if (!stat.isFile()) return 'its file is no file';
  return stat.size === sizeBytes ? undefined : `its file has ${stat.size} bytes instead of ${sizeBytes}`;
}

async function wrongDigest({ path, digest }: StoredBlob & { path: string }, signal: AbortSignal) {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { signal, highWaterMark: 256 * 1024 })) hash.update(chunk);
  } catch (error) {
    signal.throwIfAborted();
    return `its file cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  const found = `sha256:${hash.digest('hex')}`;
  return found === digest ? undefined : `its bytes have the digest ${found}`;
}
