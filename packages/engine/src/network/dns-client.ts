import { EngineError } from '@gantry/base';
import type { DnsCommand, DnsReply, DnsService } from './dns-protocol.ts';
import type { NameEntry } from './name-table.ts';

/**
 * The engine's end of the DNS worker. The worker starts with the first user-defined network: an engine that has
 * only the default bridge never pays for one.
 */
export class DnsClient implements Disposable {
  #worker: Worker | undefined;
  /** What the worker must know from its start on. */
  readonly #entries = new Map<string, NameEntry>();
  /** Servers that are open, so that a worker that broke is replaced by one that serves the same. */
  readonly #served = new Map<string, { service: DnsService; pid: number }>();
  readonly #waiting = new Map<number, { containerId: string; resolve: () => void; reject: (error: Error) => void }>();
  #lastRequest = 0;

  /** Starts the worker ahead of the first container that needs it: that takes longer than a container's start. */
  warm(): void {
    this.#worker ??= this.#start();
  }

  put(entry: NameEntry): void {
    this.#entries.set(`${entry.networkId} ${entry.containerId}`, entry);
    this.#tell({ do: 'put', entry });
  }

  drop(networkId: string, containerId: string): void {
    if (this.#entries.delete(`${networkId} ${containerId}`)) this.#tell({ do: 'drop', networkId, containerId });
  }

  /** Opens the server inside the namespace of a process. @throws unavailable */
  async serve(service: DnsService, pid: number): Promise<void> {
    this.warm();
    this.#served.set(service.containerId, { service, pid });
    await this.#ask(service.containerId, (request) => ({ do: 'serve', request, pid, service }));
  }

  update(service: DnsService): void {
    const served = this.#served.get(service.containerId);
    if (served !== undefined) this.#served.set(service.containerId, { ...served, service });
    this.#tell({ do: 'update', service });
  }

  end(containerId: string): void {
    if (this.#served.delete(containerId)) this.#tell({ do: 'end', containerId });
  }

  /** Settles when everything told so far is in force. */
  async settled(): Promise<void> {
    if (this.#worker !== undefined) await this.#ask('', (request) => ({ do: 'sync', request }));
  }

  [Symbol.dispose](): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  #tell(command: DnsCommand): void {
    this.#worker?.postMessage(command);
  }

  async #ask(containerId: string, command: (request: number) => DnsCommand): Promise<void> {
    const request = ++this.#lastRequest;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.set(request, { containerId, resolve, reject });
    this.#tell(command(request));
    await promise;
  }

  #start(): Worker {
    const worker = new Worker(new URL('./dns-worker.ts', import.meta.url).href);
    worker.onmessage = (event: MessageEvent<DnsReply>) => this.#settle(event.data);
    worker.onerror = (event) => this.#replace(worker, event.message);
    for (const entry of this.#entries.values()) worker.postMessage({ do: 'put', entry } satisfies DnsCommand);
    return worker;
  }

  #settle({ request, error }: DnsReply): void {
    const waiting = this.#waiting.get(request);
    this.#waiting.delete(request);
    const what = `cannot serve DNS to container "${waiting?.containerId}"`;
    if (error === undefined) waiting?.resolve();
    else waiting?.reject(new EngineError('unavailable', `${what}: ${error}`));
  }

  /** A fault in the worker costs those who wait for it their answer, and the others a moment. */
  #replace(broken: Worker, message: string): void {
    if (this.#worker !== broken) return;
    broken.terminate();
    for (const request of this.#waiting.keys()) this.#settle({ request, error: message });
    this.#worker = this.#start();
    for (const { service, pid } of this.#served.values())
      this.#tell({ do: 'serve', request: ++this.#lastRequest, pid, service });
  }
}
