import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  close,
  connect,
  encodeAttach,
  encodeFrame,
  encodePlan,
  frameType,
  kill,
  open,
  openFlag,
  type Plan,
  parseExitRecord,
  parseStatusRecord,
  sealedMemfd,
  sendto,
  socket,
  socketFamily,
  socketPair,
  socketType,
} from '@gantry/native';
import { Connection } from './connection.ts';
import type { TaskOptions } from './fixture.ts';

/** A shim that was started by a test, with its first control connection. */
export class Task implements AsyncDisposable {
  readonly plan: Plan;
  readonly control: Connection;
  readonly handed: Connection[];
  readonly process: Bun.Subprocess;
  pid = 0;

  constructor(program: number, plan: Plan, options: TaskOptions = {}) {
    this.plan = plan;
    const planFd = sealedMemfd('plan', encodePlan(plan));
    const pairs = [undefined, ...(options.attached ?? [])].map((first) => {
      const [ours, theirs] = socketPair(socketType.stream);
      if (first !== undefined) sendto(ours, first);
      return { ours, theirs };
    });
    const [control, ...attached] = pairs;
    if (control === undefined) throw new Error('unreachable: no control connection');
    if (options.startAtOnce === true) sendto(control.ours, encodeFrame(frameType.start));
    this.process = Bun.spawn(
      [`/proc/${process.pid}/fd/${program}`, ...(attached.length > 0 ? [String(attached.length)] : [])],
      {
        argv0: 'gantry-shim',
        cwd: '/',
        env: {},
        stdio: ['ignore', 'ignore', 'ignore', planFd, control.theirs, ...attached.map((pair) => pair.theirs)],
      },
    );
    close(planFd);
    for (const pair of pairs) close(pair.theirs);
    this.control = new Connection(control.ours);
    this.handed = attached.map((pair) => new Connection(pair.ours));
  }

  start(): this {
    if (this.pid === 0) this.pid = Number(this.control.wait(frameType.created).record.pid);
    this.control.send(encodeFrame(frameType.start));
    this.control.wait(frameType.started);
    return this;
  }

  /** PID and start time of the process, as a later daemon would ask. */
  identity(): { pid: number; startTicks: number } {
    using control = this.connect(encodeFrame(frameType.control));
    return parseStatusRecord(JSON.stringify(control.wait(frameType.status).record));
  }

  kill(): void {
    kill(this.pid, 9);
  }

  connect(first: Uint8Array): Connection {
    return connectShim(this.plan, first);
  }

  attach(stdin = false): Connection {
    if (this.pid === 0) this.pid = Number(this.control.wait(frameType.created).record.pid);
    const connection = this.connect(encodeAttach({ stdin, stdout: true, stderr: true }));
    // Answered only after the shim has read the attach frame, which came first.
    using probe = this.connect(encodeFrame(frameType.control));
    probe.wait(frameType.status);
    return connection;
  }

  exit(): ReturnType<typeof parseExitRecord> {
    this.control.wait(frameType.exited);
    return parseExitRecord(readFileSync(this.plan.shim.exitRecord, 'utf8'));
  }

  /** Starts, runs to the end, and gives exit record and log. */
  run(): { exitCode: number; log: string } {
    const { exitCode } = this.start().exit();
    return { exitCode, log: this.logText() };
  }

  logText(): string {
    return logText(this.plan);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.pid > 0 && this.process.exitCode === null) {
      try {
        kill(this.pid, 9);
      } catch {
        // It has ended.
      }
    }
    await this.process.exited;
    this.control[Symbol.dispose]();
    for (const connection of this.handed) connection[Symbol.dispose]();
  }
}

/** A task whose starter was killed with SIGKILL right after the start. */
export class Orphan implements AsyncDisposable {
  readonly plan: Plan;

  constructor(plan: Plan) {
    this.plan = plan;
    const planPath = join(plan.shim.taskDir, 'plan');
    writeFileSync(planPath, encodePlan(plan));
    const starter = Bun.spawnSync([
      process.execPath,
      fileURLToPath(import.meta.resolve('./start-and-die.ts')),
      planPath,
    ]);
    if (starter.signalCode !== 'SIGKILL') throw new Error(`the starter did not die: ${starter.stderr}`);
  }

  connect(first: Uint8Array): Connection {
    return connectShim(this.plan, first);
  }

  logText(): string {
    return logText(this.plan);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const control = this.connect(encodeFrame(frameType.control));
      kill(Number(control.wait(frameType.status).record.pid), 9);
      control.output();
      control[Symbol.dispose]();
    } catch {
      // The shim has ended.
    }
  }
}

function connectShim(plan: Plan, first: Uint8Array): Connection {
  const dir = open(plan.shim.taskDir, openFlag.path);
  const path = new TextEncoder().encode(`/proc/self/fd/${dir}/shim.sock`);
  const address = new Uint8Array(2 + path.length + 1);
  address[0] = socketFamily.unix;
  address.set(path, 2);
  const fd = socket(socketFamily.unix, socketType.stream);
  connect(fd, address);
  close(dir);
  const connection = new Connection(fd);
  connection.send(first);
  return connection;
}

function logText(plan: Plan): string {
  if (plan.shim.log.kind === 'none') return '';
  const lines = readFileSync(plan.shim.log.path, 'utf8').split('\n');
  return lines.flatMap((line) => (line === '' ? [] : [JSON.parse(line).log])).join('');
}
