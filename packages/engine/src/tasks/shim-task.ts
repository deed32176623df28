import type { Duplex } from 'node:stream';
import { EngineError } from '@gantry/base';
import {
  type CreatedRecord,
  type ExitRecord,
  encodeFrame,
  encodeResize,
  encodeSignal,
  type FailedRecord,
  type Frame,
  frameType,
  parseCreatedRecord,
  parseExitRecord,
  parseFailedRecord,
  parseStartedRecord,
  parseStatusRecord,
  type StatusRecord,
} from '@gantry/native';
import { attachTo } from './attached-stream.ts';
import type { ShimConnection } from './shim-connection.ts';
import type { AttachStreams, StartedTask, Task } from './types.ts';

type Settle<T> = PromiseWithResolvers<T>;

/**
 * The daemon's side of one shim: turns its frames into promises.
 *
 * Made before the connection, because the first frame may come with it: `listener` first, then `use(connection)`.
 */
export class ShimTask implements Task {
  readonly key: string;
  readonly created: Settle<CreatedRecord> = Promise.withResolvers();
  readonly status: Settle<StatusRecord> = Promise.withResolvers();
  readonly #started: Settle<StartedTask> = Promise.withResolvers();
  readonly #exited: Settle<ExitRecord> = Promise.withResolvers();
  readonly #gone: Settle<void> = Promise.withResolvers();
  readonly #describe: (failed: FailedRecord) => EngineError;
  readonly #socketPath: () => string;
  readonly #readExitRecord: () => ExitRecord | undefined;
  #connection: ShimConnection | undefined;
  #pid = 0;
  #startTicks = 0;
  #ended = false;
  #letGo = false;

  constructor(options: {
    key: string;
    describe: (failed: FailedRecord) => EngineError;
    socketPath: () => string;
    readExitRecord: () => ExitRecord | undefined;
  }) {
    this.key = options.key;
    this.#describe = options.describe;
    this.#socketPath = options.socketPath;
    this.#readExitRecord = options.readExitRecord;
    for (const { promise } of [this.created, this.status, this.#started, this.#exited]) promise.catch(ignoreUnasked);
  }

  get pid(): number {
    return this.#pid;
  }

  get startTicks(): number {
    return this.#startTicks;
  }

  get exited(): Promise<ExitRecord> {
    return this.#exited.promise;
  }

  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  readonly listener = {
    onFrame: (frame: Frame): void => this.#onFrame(frame),
    onClose: (): void => this.#onClose(),
  };

  use(connection: ShimConnection): void {
    this.#connection = connection;
  }

  request(frame: Uint8Array): void {
    this.#connection?.send(frame);
  }

  /** Sends START, once. It may come before the process stands: then it does not stop there. */
  letGo(): void {
    if (!this.#letGo) this.request(encodeFrame(frameType.start));
    this.#letGo = true;
  }

  start(): Promise<StartedTask> {
    this.letGo();
    return this.#started.promise;
  }

  signal(signal: number, everyProcess = false): void {
    this.request(encodeSignal(signal, everyProcess));
  }

  resize(rows: number, columns: number): void {
    this.request(encodeResize(rows, columns));
  }

  attach(streams: AttachStreams): Promise<Duplex> {
    return attachTo({ unix: this.#socketPath() }, streams);
  }

  #onFrame({ type, payload }: Frame): void {
    const text = new TextDecoder().decode(payload);
    if (type === frameType.created) {
      const record = parseCreatedRecord(text);
      this.#identify(record);
      this.created.resolve(record);
    } else if (type === frameType.started) {
      const { pid, startedAt } = parseStartedRecord(text);
      this.#started.resolve({ pid, startedAt: fromNanos(startedAt) });
    } else if (type === frameType.status) {
      const record = parseStatusRecord(text);
      this.#identify(record);
      this.status.resolve(record);
    } else if (type === frameType.failed) {
      this.#fail(this.#describe(parseFailedRecord(text)));
    } else if (type === frameType.exited) {
      this.#exit(parseExitRecord(text));
    }
  }

  #identify({ pid, startTicks }: { readonly pid: number; readonly startTicks: number }): void {
    this.#pid = pid;
    this.#startTicks = startTicks;
  }

  #exit(record: ExitRecord): void {
    this.#ended = true;
    this.#exited.resolve(record);
  }

  #fail(error: EngineError): void {
    this.#ended = true;
    for (const { reject } of [this.created, this.status, this.#started, this.#exited]) reject(error);
  }

  #onClose(): void {
    if (!this.#ended) {
      const record = this.#readExitRecord();
      if (record === undefined)
        this.#fail(new EngineError('unavailable', `task "${this.key}": its shim ended without a word`));
      else this.#exit(record);
    }
    this.#fail(new EngineError('unavailable', `task "${this.key}" has ended`));
    this.#gone.resolve();
  }
}

/** Unix nanoseconds as text → Date. */
export function fromNanos(text: string): Date {
  return new Date(Number(BigInt(text) / 1_000_000n));
}

function ignoreUnasked(): void {
  // Whoever awaits one of the promises gets its rejection; nobody has to await all of them.
}
