import { EngineError } from '@gantry/base';
import type { DnsCommand, DnsReply, DnsService } from './dns-protocol.ts';
import type { NameEntry } from './name-table.ts';

/**
 * The engine's end of the DNS worker. The worker starts with the first container that needs it: an engine whose
 * containers are all on the default bridge never pays for one.
 */
export class DnsClient implements Disposable {
  #worker: Worker | undefined;
  /** What the worker must know from its start on. */
  readonly #entries = new Map<string, NameEntry>();
  readonly #waiting = new Map<number, { containerId: string; resolve: () => void; reject: (error: Error) => void }>();
  #lastRequest = 0;

  put(entry: NameEntry): void {
    this.#entries.set(`${entry.networkId} ${entry.containerId}`, entry);
    this.#tell({ do: 'put', entry });
  }

  drop(networkId: string, containerId: string): void {
    if (this.#entries.delete(`${networkId} ${containerId}`)) this.#tell({ do: 'drop', networkId, containerId });
  }

  /** Opens the server inside the namespace of a process. @throws unavailable */
  async serve(service: DnsService, pid: number): Promise<void> {
    const worker = this.#worker ?? this.#start();
    const request = ++this.#lastRequest;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.set(request, { containerId: service.containerId, resolve, reject });
    worker.postMessage({ do: 'serve', request, pid, service } satisfies DnsCommand);
    await promise;
  }

  update(service: DnsService): void {
    this.#tell({ do: 'update', service });
  }

  end(containerId: string): void {
    this.#tell({ do: 'end', containerId });
  }

  [Symbol.dispose](): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  #tell(command: DnsCommand): void {
    this.#worker?.postMessage(command);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./dns-worker.ts', import.meta.url).href);
    worker.onmessage = (event: MessageEvent<DnsReply>) => this.#settle(event.data);
    worker.onerror = (event) => this.#fail(event.message);
    this.#worker = worker;
    for (const entry of this.#entries.values()) this.#tell({ do: 'put', entry });
    return worker;
  }

  #settle({ request, error }: DnsReply): void {
    const waiting = this.#waiting.get(request);
    this.#waiting.delete(request);
    if (error === undefined) waiting?.resolve();
    else
      waiting?.reject(
        new EngineError('unavailable', `cannot serve DNS to container "${waiting.containerId}": ${error}`),
      );
  }

  #fail(message: string): void {
    for (const request of this.#waiting.keys()) this.#settle({ request, error: message });
  }
}
