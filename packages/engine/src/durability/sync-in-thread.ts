import { EngineError } from '@gantry/base';

/**
 * Writes out the whole filesystem that a directory is on, in a thread that exists for as long as that takes.
 *
 * @throws internal when the kernel could not write something, also what was written long before
 */
export async function syncInThread(path: string): Promise<void> {
  const worker = new Worker(new URL('./sync-worker.ts', import.meta.url).href, { smol: true });
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  worker.onmessage = (event: MessageEvent<{ error: string | undefined }>) => resolve(event.data.error);
  worker.onerror = (event) => resolve(`its thread failed: ${event.message}`);
  // A daemon that ends waits for its own time, not for the disk's.
  worker.unref();
  worker.postMessage(path);
  const error = await promise;
  worker.terminate();
  if (error !== undefined) throw new EngineError('internal', `cannot sync "${path}": ${error}`);
}
