import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../tools/repository.ts';
import { busyboxRootTar } from './busybox-image.ts';
import { type CommandOptions, type CommandResult, commandOutput, runCommand } from './command.ts';
import { takeSlot } from './slot.ts';
import { bridgesOf, instanceName, sweepHost } from './sweep-host.ts';
import { Terminal, type TerminalOptions } from './terminal.ts';
import { waitFor } from './wait-for.ts';

export const gantryProgram = join(repositoryRoot, 'dist/gantry');

/** Which command line a test speaks through: the unmodified docker CLI, or ours. */
export type ClientName = 'docker' | 'gantry';

/**
 * A whole engine for one test file: its own roots, socket, bridge and subnet, so that engines of several files run side
 * by side. One life: `startEngine`, use, `await using` ends it with all that it made.
 */
export type TestEngine = AsyncDisposable & {
  /** `unix:///…/gantry.sock`. */
  readonly host: string;
  readonly root: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly bridge: string;
  readonly addressPrefix: string;
  readonly extraSubnet: string;
  /** The daemon's own process. */
  pid(): number;
  run(client: ClientName, argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** `run` of a command that must succeed. @returns its output without the last newline */
  output(client: ClientName, argv: readonly string[], options?: CommandOptions): Promise<string>;
  terminal(client: ClientName, argv: readonly string[], options?: TerminalOptions): Terminal;
  /** One request to the API; the body is sent as JSON. */
  api(method: string, path: string, body?: unknown): Promise<Response>;
  log(): string;
  /** Ends the daemon as an administrator would; containers run on. */
  stop(): Promise<void>;
  /** Ends the daemon as a crash would. */
  kill9(): Promise<void>;
  /** Starts a daemon on the same roots; the one before must have ended. */
  start(): Promise<void>;
};

export type EngineOptions = {
  /** More words for the daemon's command line. */
  readonly daemonArguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What executes the daemon, under other limits say: `prlimit --nofile=64`. */
  readonly launcher?: readonly string[];
  /** Imports busybox as `busybox:latest`; true when not given. */
  readonly busybox?: boolean;
  /** Where its roots are made; the machine's temporary directory when not given. */
  readonly parent?: string;
  /** Where its exec root is made, as a default engine has it on a tmpfs; beside the data root when not given. */
  readonly execParent?: string;
};

/** Starts an engine from `dist/gantry`, which must have been built. */
export async function startEngine(options: EngineOptions = {}): Promise<TestEngine> {
  if (!existsSync(gantryProgram)) throw new Error('dist/gantry is missing: run npm run build');
  await using undo = new AsyncDisposableStack();
  const slot = undo.use(takeSlot());
  const root = mkdtempSync(join(options.parent ?? tmpdir(), 'gantry-test-'));
  undo.defer(() => rmSync(root, { recursive: true, force: true }));
  undo.defer(async () => {
    for (const bridge of [slot.bridge, ...bridgesOf(join(root, 'data'))])
      await sweepHost(instanceName(join(root, 'data')), bridge);
  });
  const execRoot =
    options.execParent === undefined ? join(root, 'run') : mkdtempSync(join(options.execParent, 'gantry-test-'));
  undo.defer(() => rmSync(execRoot, { recursive: true, force: true }));
  const daemon = new DaemonProcess(
    { root, execRoot },
    [...['--bridge', slot.bridge, '--bip', slot.bridgeAddress], ...(options.daemonArguments ?? [])],
    { environment: options.environment ?? {}, launcher: options.launcher ?? [] },
  );
  undo.use(daemon);
  await daemon.start();
  const life = new AsyncDisposableStack();
  const engine = describeEngine(daemon, { ...slot, root }, life);
  if (options.busybox !== false) await engine.output('docker', ['import', await busyboxRootTar(), 'busybox:latest']);
  life.use(undo.move());
  return engine;
}

type Environment = Readonly<Record<string, string | undefined>>;
type Where = {
  readonly root: string;
  readonly bridge: string;
  readonly addressPrefix: string;
  readonly extraSubnet: string;
};

function describeEngine(daemon: DaemonProcess, where: Where, life: AsyncDisposableStack): TestEngine {
  const environment = {
    DOCKER_HOST: daemon.host,
    DOCKER_CONFIG: join(where.root, 'client'),
    DOCKER_CONTEXT: undefined,
    DOCKER_CLI_HINTS: 'false',
  };
  const argvOf = (client: ClientName, argv: readonly string[]): string[] => [
    client === 'docker' ? 'docker' : gantryProgram,
    ...argv,
  ];
  const withHost = (options?: { readonly environment?: Environment }): { environment: Environment } => ({
    environment: { ...environment, ...options?.environment },
  });
  return {
    host: daemon.host,
    dataRoot: daemon.dataRoot,
    execRoot: daemon.execRoot,
    root: where.root,
    bridge: where.bridge,
    addressPrefix: where.addressPrefix,
    extraSubnet: where.extraSubnet,
    pid: () => daemon.pid,
    run: (client, argv, options) => runCommand(argvOf(client, argv), { ...options, ...withHost(options) }),
    output: (client, argv, options) => commandOutput(argvOf(client, argv), { ...options, ...withHost(options) }),
    terminal: (client, argv, options) => new Terminal(argvOf(client, argv), { ...options, ...withHost(options) }),
    api: (method, path, body) => daemon.request(method, path, body),
    log: () => daemon.log(),
    stop: () => daemon.end('SIGTERM'),
    kill9: () => daemon.end('SIGKILL'),
    start: () => daemon.start(),
    [Symbol.asyncDispose]: async () => {
      await removeContainers(daemon);
      await life.disposeAsync();
    },
  };
}

/** Containers outlive the daemon by design, so a test engine removes its own before it ends. */
async function removeContainers(daemon: DaemonProcess): Promise<void> {
  if (!(await daemon.answers())) {
    await daemon.end('SIGKILL');
    await daemon.start();
  }
  const rows: unknown = await (await daemon.request('GET', '/containers/json?all=1')).json();
  if (!Array.isArray(rows)) return;
  await Promise.all(rows.map((row: { Id: string }) => daemon.request('DELETE', `/containers/${row.Id}?force=1&v=1`)));
}

class DaemonProcess implements AsyncDisposable {
  readonly host: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly #socket: string;
  readonly #logPath: string;
  readonly #pidfile: string;
  readonly #arguments: readonly string[];
  readonly #environment: Readonly<Record<string, string>>;
  readonly #launcher: readonly string[];
  #child: Bun.Subprocess | undefined;

  constructor(
    { root, execRoot }: { root: string; execRoot: string },
    daemonArguments: readonly string[],
    { environment, launcher }: Required<Pick<EngineOptions, 'environment' | 'launcher'>>,
  ) {
    this.#socket = join(root, 'gantry.sock');
    this.host = `unix://${this.#socket}`;
    this.dataRoot = join(root, 'data');
    this.execRoot = execRoot;
    this.#logPath = join(root, 'daemon.log');
    this.#environment = environment;
    this.#launcher = launcher;
    this.#pidfile = join(root, 'gantry.pid');
    this.#arguments = [
      ...['--host', this.host, '--data-root', this.dataRoot, '--exec-root', this.execRoot],
      ...['--pidfile', this.#pidfile],
      ...daemonArguments,
    ];
  }

  get pid(): number {
    if (this.#child === undefined) throw new Error('the daemon of this test does not run');
    return this.#child.pid;
  }

  async start(): Promise<void> {
    const log = openSync(this.#logPath, 'a');
    const child = Bun.spawn([...this.#launcher, gantryProgram, 'daemon', ...this.#arguments], {
      stdin: 'ignore',
      stdout: log,
      stderr: log,
      env: { ...process.env, ...this.#environment },
    });
    closeSync(log);
    this.#child = child;
    void child.exited.then((code) => this.#reportUnexpectedEnd(child, code));
    try {
      await waitFor('the engine answers', () =>
        child.exitCode === null ? this.answers() : Promise.reject(new Error('it ended')),
      );
    } catch (error) {
      await this.end('SIGKILL');
      throw new Error(`cannot start an engine for this test: ${this.log()}`, { cause: error });
    }
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    const successor = this.#successor(child?.pid);
    child?.kill(signal);
    await child?.exited;
    if (successor === undefined) return;
    process.kill(successor, signal);
    await waitFor('the successor ends', () => !existsSync(`/proc/${successor}`));
  }

  /** The daemon that took over from the one that was started here, if one did. */
  #successor(pid: number | undefined): number | undefined {
    if (pid === undefined || !existsSync(this.#pidfile)) return undefined;
    const inPlace = Number(readFileSync(this.#pidfile, 'utf8'));
    return inPlace === pid || !existsSync(`/proc/${inPlace}`) ? undefined : inPlace;
  }

  log(): string {
    return existsSync(this.#logPath) ? readFileSync(this.#logPath, 'utf8') : '';
  }

  request(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`http://engine${path}`, {
      unix: this.#socket,
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGTERM');
  }

  /** A daemon that ends by itself is a bug of its own, whatever test happens to notice. */
  #reportUnexpectedEnd(child: Bun.Subprocess, exitCode: number): void {
    // A kill from outside is a crash test at work, and who was taken over from has nothing left to do.
    if (this.#child !== child || child.signalCode === 'SIGKILL' || this.#successor(child.pid) !== undefined) return;
    process.stderr.write(
      `\nthe daemon ended by itself, exit code ${exitCode}, signal ${child.signalCode}:\n${this.log()}\n`,
    );
  }

  async answers(): Promise<boolean> {
    try {
      return (await this.request('GET', '/_ping')).ok;
    } catch {
      return false; // no socket yet, or nobody behind it
    }
  }
}
