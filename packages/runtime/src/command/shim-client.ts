import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { EngineError } from '@gantry/base';
import {
  type CreatedRecord,
  type ExitRecord,
  encodeAttach,
  encodeFrame,
  encodePlan,
  encodeResize,
  encodeSignal,
  type Frame,
  FrameDecoder,
  frameType,
  type Plan,
  parseCreatedRecord,
  parseExitRecord,
  parseFailedRecord,
  parseStatusRecord,
  type StatusRecord,
} from '@gantry/native';
import type { Socket } from 'bun';
import { describeFailure } from '../describe-failure.ts';

/**
 * A control connection to the shim of one process. One life: `startShim` spawns it, `created` tells that the process
 * stands before its exec, `start` lets it go, `exited` tells how it ended. `connectShim` joins one that runs already.
 */
export type ShimControl = Disposable & {
  readonly created: Promise<CreatedRecord>;
  readonly status: Promise<StatusRecord>;
  readonly started: Promise<void>;
  /** Rejects with what the shim said failed, or that it went away. */
  readonly exited: Promise<ExitRecord>;
  /** Settles when the shim has cleaned up after its task and ended. */
  readonly gone: Promise<void>;
  start(): void;
  signal(signal: number, everyProcess: boolean): void;
  resize(rows: number, columns: number): void;
};

/** Spawns the native program on a plan. @param program a path that executes it */
export async function startShim(program: string, plan: Plan): Promise<ShimControl> {
  const planPath = `${plan.shim.taskDir}/plan`;
  writeFileSync(planPath, encodePlan(plan), { mode: 0o600 });
  const planFd = openSync(planPath, 'r');
  rmSync(planPath);
  try {
    const child = Bun.spawn([program], {
      argv0: 'gantry-shim',
      cwd: '/',
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', planFd, 'pipe'],
    });
    child.unref();
    const fd = child.stdio[4];
    if (typeof fd !== 'number') throw new Error('unreachable: no control descriptor');
    // Bun connects descriptors too; its types do not say so.
    return await control(plan, (socket) => Bun.connect({ fd, socket } as unknown as Parameters<typeof Bun.connect>[0]));
  } finally {
    closeSync(planFd);
  }
}

/** Joins the shim of a task directory. @throws not-found when none listens */
export async function connectShim(taskDir: string): Promise<ShimControl> {
  try {
    const joined = await control(undefined, (socket) => Bun.connect({ unix: `${taskDir}/shim.sock`, socket }));
    joined.send(encodeFrame(frameType.control));
    return joined;
  } catch (cause) {
    throw new EngineError('not-found', `cannot reach the shim in "${taskDir}": nothing listens`, { cause });
  }
}

type Handlers = NonNullable<Parameters<typeof Bun.connect>[0]['socket']>;

async function control(
  plan: Plan | undefined,
  connect: (handlers: Handlers) => Promise<Socket<unknown>>,
): Promise<ShimControl & { send(frame: Uint8Array): void }> {
  const records = {
    created: Promise.withResolvers<CreatedRecord>(),
    status: Promise.withResolvers<StatusRecord>(),
    started: Promise.withResolvers<void>(),
    exited: Promise.withResolvers<ExitRecord>(),
  };
  const fail = (error: Error): void => {
    for (const record of Object.values(records)) record.reject(error);
  };
  // Whoever waits learns of a failure; a record that nobody waits for must not end the program.
  for (const record of Object.values(records)) record.promise.catch(() => undefined);
  const decoder = new FrameDecoder();
  const text = (frame: Frame): string => new TextDecoder().decode(frame.payload);
  const take = (frame: Frame): void => {
    if (frame.type === frameType.created) records.created.resolve(parseCreatedRecord(text(frame)));
    else if (frame.type === frameType.status) records.status.resolve(parseStatusRecord(text(frame)));
    else if (frame.type === frameType.started) records.started.resolve();
    else if (frame.type === frameType.exited) records.exited.resolve(parseExitRecord(text(frame)));
    else if (frame.type === frameType.failed) fail(describeFailure(plan, parseFailedRecord(text(frame))));
  };
  const ended = Promise.withResolvers<void>();
  const gone = (): void => {
    fail(new EngineError('unavailable', 'cannot follow the container: its shim went away'));
    ended.resolve();
  };
  const socket = await connect({
    data: (_socket, data) => {
      for (const frame of decoder.push(data)) take(frame);
    },
    close: gone,
    error: gone,
  });
  const send = (frame: Uint8Array): void => {
    socket.write(frame);
  };
  return {
    created: records.created.promise,
    status: records.status.promise,
    started: records.started.promise,
    exited: records.exited.promise,
    gone: ended.promise,
    send,
    start: () => send(encodeFrame(frameType.start)),
    signal: (signal, everyProcess) => send(encodeSignal(signal, everyProcess)),
    resize: (rows, columns) => send(encodeResize(rows, columns)),
    [Symbol.dispose]: () => socket.end(),
  };
}

export type Attachment = {
  /** Settles when the last byte of output has been handed on. */
  readonly ended: Promise<void>;
  write(bytes: Uint8Array): void;
  /** Half-closes: the process reads the end of its input. */
  endInput(): void;
};

/**
 * Joins a process's streams. Output comes to `onOutput` with 1 or 2 for the stream; with a terminal all of it is 1.
 *
 * @param terminal whether the process has one: its output then comes raw
 */
export async function attachStreams(
  taskDir: string,
  options: { terminal: boolean; stdin: boolean },
  onOutput: (stream: 1 | 2, bytes: Uint8Array) => void,
): Promise<Attachment> {
  const ended = Promise.withResolvers<void>();
  const decoder = new FrameDecoder();
  let unsent: Uint8Array[] = [];
  let closing = false;
  const flush = (socket: Socket<unknown>): void => {
    for (let head = unsent[0]; head !== undefined; head = unsent[0]) {
      const written = socket.write(head);
      if (written < head.byteLength) {
        unsent[0] = head.subarray(Math.max(written, 0));
        return;
      }
      unsent = unsent.slice(1);
    }
    if (closing) socket.shutdown();
  };
  const socket = await Bun.connect({
    unix: `${taskDir}/shim.sock`,
    allowHalfOpen: true,
    socket: {
      data: (_socket, data) => {
        if (options.terminal) return onOutput(1, data);
        for (const { type, payload } of decoder.push(data)) onOutput(type === frameType.stderr ? 2 : 1, payload);
      },
      drain: flush,
      end: (one) => {
        one.end();
        ended.resolve();
      },
      close: () => ended.resolve(),
      error: () => ended.resolve(),
    },
  });
  unsent.push(encodeAttach({ stdin: options.stdin, stdout: true, stderr: true }));
  flush(socket);
  return {
    ended: ended.promise,
    write: (bytes) => {
      unsent.push(bytes);
      if (unsent.length === 1) flush(socket);
    },
    endInput: () => {
      closing = true;
      if (unsent.length === 0) socket.shutdown();
    },
  };
}
