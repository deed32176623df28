import { EngineError } from '@gantry/base';
import type { DeltaReply, DeltaRequest } from './protocol.ts';

/** A delta's size, or why there is none that helps. */
export type WrittenDelta = Exclude<DeltaReply, { kind: 'failed' }>;

/**
 * Makes a delta in a thread of its own, which ends with it. The file it writes is for the caller to name or to remove,
 * whatever comes of it.
 *
 * @throws internal
 */
export async function writeDelta(request: DeltaRequest): Promise<WrittenDelta> {
  const worker = new Worker(new URL('./delta-worker.ts', import.meta.url).href, { smol: true });
  const { promise, resolve, reject } = Promise.withResolvers<DeltaReply>();
  worker.onmessage = ({ data }: MessageEvent<DeltaReply>) => resolve(data);
  worker.onerror = ({ message }) =>
    reject(new EngineError('internal', `cannot make delta: its thread failed: ${message}`));
  worker.postMessage(request);
  try {
    const reply = await promise;
    if (reply.kind === 'failed') throw new EngineError('internal', `cannot make delta: ${reply.message}`);
    return reply;
  } finally {
    worker.terminate();
  }
}
