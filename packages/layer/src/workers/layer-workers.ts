import { EngineError } from '@gantry/base';
import type { AppliedLayer } from '../apply/apply-layer.ts';
import type { Growth } from './growing-file.ts';
import { failureOf, type UnpackRequest, type WorkerReply } from './protocol.ts';

export type UnpackJob = Omit<UnpackRequest, 'growth'> & { readonly growth: Growth };

/** Idle threads cost memory that an idle daemon must not have. */
const idleMs = 3000;

type Waiting = { readonly start: (worker: Worker) => void };

/**
 * A few threads that unpack layers, started when needed and ended soon after the last one.
 *
 * `unpack` waits for a free thread; aborting its signal abandons the job's growth, which the thread sees at its next
 * chunk. Dispose ends all threads at once.
 */
export class LayerWorkers implements Disposable {
  readonly #maximum: number;
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();
  readonly #queue: Waiting[] = [];
  #reaper: NodeJS.Timeout | undefined;

  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** @throws what `applyLayer` throws, and cancelled */
  async unpack(job: UnpackJob, onConsumed: (bytes: number) => void, signal: AbortSignal): Promise<AppliedLayer> {
    const worker = await this.#take(signal);
    const { promise, resolve, reject } = Promise.withResolvers<AppliedLayer>();
    const onAbort = (): void => job.growth.abandon();
    signal.addEventListener('abort', onAbort, { once: true });
    worker.onmessage = (event: MessageEvent<WorkerReply>) => {
      const reply = event.data;
      if (reply.kind === 'progress') onConsumed(reply.consumedBytes);
      else if (reply.kind === 'done') resolve(reply.layer);
      else reject(failureOf(reply));
    };
    worker.onerror = (event) => {
      this.#drop(worker);
      reject(new EngineError('internal', `cannot unpack layer: its thread failed: ${event.message}`));
    };
    if (signal.aborted) onAbort();
    const { growth, ...request } = job;
    worker.postMessage({ ...request, growth: growth.shared } satisfies UnpackRequest);
    try {
      return await promise;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#giveBack(worker);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#reaper);
    for (const worker of this.#all) worker.terminate();
    this.#all.clear();
    this.#idle.length = 0;
  }

  async #take(signal: AbortSignal): Promise<Worker> {
    signal.throwIfAborted();
    clearTimeout(this.#reaper);
    const idle = this.#idle.pop();
    if (idle !== undefined) {
      idle.ref();
      return idle;
    }
    if (this.#all.size < this.#maximum) return this.#spawn();
    const { promise, resolve, reject } = Promise.withResolvers<Worker>();
    const waiting: Waiting = { start: resolve };
    this.#queue.push(waiting);
    const onAbort = (): void => {
      const index = this.#queue.indexOf(waiting);
      if (index !== -1) this.#queue.splice(index, 1);
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', onAbort));
  }

  #spawn(): Worker {
    const worker = new Worker(new URL('./unpack-worker.ts', import.meta.url).href, { smol: true });
    this.#all.add(worker);
    return worker;
  }

  #giveBack(worker: Worker): void {
    const isAlive = this.#all.has(worker);
    const next = this.#queue.shift();
    if (next !== undefined) {
      next.start(isAlive ? worker : this.#spawn());
      return;
    }
    if (!isAlive) return;
    // An idle thread keeps no process alive.
    worker.unref();
    this.#idle.push(worker);
    clearTimeout(this.#reaper);
    this.#reaper = setTimeout(() => this.#reap(), idleMs);
    this.#reaper.unref();
  }

  #reap(): void {
    for (const worker of this.#idle.splice(0)) this.#drop(worker);
  }

  #drop(worker: Worker): void {
    worker.terminate();
    this.#all.delete(worker);
  }
}
