import { Duplex } from 'node:stream';
import { messageOf } from '@gantry/base';
import type { ContainerDeps } from './deps.ts';
import { createExec } from './exec-create.ts';
import { startExec } from './exec-start.ts';
import type { ProbeResult } from './types.ts';

/** Docker keeps so much of what a probe prints. */
const keptOutputBytes = 4096;

/**
 * Runs a probe in a container as an exec of its own, as Docker does: its events tell of it. It ends when its command
 * does, or is killed when its time is over.
 */
export async function runProbe(
  deps: ContainerDeps,
  containerId: string,
  { command, timeoutMs }: { command: readonly string[]; timeoutMs: number },
): Promise<ProbeResult> {
  const startedAt = deps.now();
  const ended = (exitCode: number, output: string): ProbeResult => ({
    startedAt,
    finishedAt: deps.now(),
    exitCode,
    output,
  });
  const output = new ProbeOutput();
  const over = new AbortController();
  try {
    const execId = createExec(deps, containerId, { ...probeRequest, cmd: command });
    const timer = setTimeout(() => over.abort(), timeoutMs);
    try {
      const options = { tty: false, consoleSize: undefined };
      await startExec(deps, execId, { client: output, options, over: over.signal });
    } finally {
      clearTimeout(timer);
    }
    const text = output.text();
    if (over.signal.aborted)
      return ended(-1, `Health check exceeded timeout (${formatTimeout(timeoutMs)})${text === '' ? '' : `: ${text}`}`);
    return ended(deps.execs.get(execId).exitCode ?? -1, text);
  } catch (error) {
    return ended(-1, messageOf(error));
  }
}

const probeRequest = {
  env: [],
  user: '',
  workingDir: '',
  tty: false,
  privileged: false,
  attachStdin: false,
  attachStdout: true,
  attachStderr: true,
  detachKeys: undefined,
  consoleSize: undefined,
} as const;

/** As Go prints a duration: `30s`, `1m30s`, `500ms`. */
function formatTimeout(timeoutMs: number): string {
  if (timeoutMs < 1000) return `${timeoutMs}ms`;
  const minutes = Math.floor(timeoutMs / 60_000);
  return `${minutes === 0 ? '' : `${minutes}m`}${(timeoutMs % 60_000) / 1000}s`;
}

const frameHeaderBytes = 8;

/** The client's end of a probe: takes Docker's frames, keeps the beginning of what is in them, and says nothing. */
class ProbeOutput extends Duplex {
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #rest = Buffer.alloc(0);

  override _read(): void {
    this.push(null);
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= frameHeaderBytes) {
      const end = frameHeaderBytes + this.#rest.readUInt32BE(4);
      if (this.#rest.length < end) break;
      this.#keep(this.#rest.subarray(frameHeaderBytes, end));
      this.#rest = this.#rest.subarray(end);
    }
    done();
  }

  #keep(bytes: Buffer): void {
    const room = keptOutputBytes - this.#keptBytes;
    if (room <= 0) return;
    this.#kept.push(Buffer.from(bytes.subarray(0, room)));
    this.#keptBytes += Math.min(room, bytes.length);
  }

  text(): string {
    return Buffer.concat(this.#kept).toString();
  }
}
