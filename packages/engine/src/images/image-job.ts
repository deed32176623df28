import { EngineError } from '@gantry/base';
import type { Job } from '../jobs/index.ts';
import type { ImageDeps } from './deps.ts';

export type ImageJob = {
  readonly kind: string;
  /** What it works on, as the user wrote it. */
  readonly subject: string;
  /** How it is called when it is cancelled: `the load`. */
  readonly name: string;
  readonly signal: AbortSignal;
  /** Whatever it failed with, while it still holds what came. */
  readonly onFailure?: (job: Job, error: unknown) => void;
};

/**
 * Runs a job on images. At its end it lets go of all layers and blobs that it held: what became an image is held by that,
 * the rest goes.
 *
 * @throws cancelled when the asker left, else what the body throws
 */
export async function runImageJob<T>(
  deps: Pick<ImageDeps, 'jobs' | 'snapshots' | 'content'>,
  { kind, subject, name, signal, onFailure }: ImageJob,
  body: (job: Job) => Promise<T>,
): Promise<T> {
  return await deps.jobs.run({ kind, subject, signal }, async (job) => {
    try {
      return await body(job);
    } catch (error) {
      onFailure?.(job, error);
      if (!job.signal.aborted) throw error;
      throw new EngineError('cancelled', `${name} was cancelled`, { cause: error });
    } finally {
      await deps.snapshots.release(`job:${job.id}`);
      deps.content.release(`job:${job.id}`);
    }
  });
}
