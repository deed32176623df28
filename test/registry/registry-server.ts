import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CommandResult, runCommand } from '../harness/command.ts';
import { gantryProgram } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';

/** A registry of `dist/gantry` for one test file, on a port of the kernel's choice. `await using` ends it with its data. */
export type TestRegistry = AsyncDisposable & {
  readonly root: string;
  readonly data: string;
  /** `http://127.0.0.1:41234`; another one after a restart. */
  url(): string;
  pid(): number;
  log(): string;
  request(method: string, path: string, init?: RequestInit): Promise<Response>;
  /** `gantry registry gc` on its directory. */
  gc(...argv: string[]): Promise<CommandResult>;
  /** @returns the exit code */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number>;
  /** Starts again on the same directory; the one before must have ended. */
  start(): Promise<void>;
};

type RegistryTestOptions = {
  /** More words for the command line. */
  readonly argv?: readonly string[];
  /** May write files into the root before the start, and say more words. */
  readonly prepare?: (root: string) => Promise<readonly string[]>;
  /** Where its root is made; the machine's temporary directory when not given. */
  readonly parent?: string;
};

/** Starts a registry from `dist/gantry`, which must have been built. */
export async function startRegistry(options: RegistryTestOptions = {}): Promise<TestRegistry> {
  const root = mkdtempSync(join(options.parent ?? tmpdir(), 'gantry-test-registry-'));
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rmSync(root, { recursive: true, force: true }));
  const argv = [...(options.argv ?? []), ...((await options.prepare?.(root)) ?? [])];
  const server = undo.use(new Server(root, argv));
  await server.start();
  const life = undo.move();
  return {
    root,
    data: server.data,
    url: () => server.url,
    pid: () => server.pid,
    log: () => readFileSync(server.logPath, 'utf8'),
    request: (method, path, init = {}) => fetch(`${server.url}${path}`, { redirect: 'manual', ...init, method }),
    gc: (...words) => runCommand([gantryProgram, 'registry', 'gc', '--data', server.data, ...words]),
    end: (signal) => server.end(signal),
    start: () => server.start(),
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  };
}

class Server implements AsyncDisposable {
  readonly data: string;
  readonly logPath: string;
  readonly #argv: readonly string[];
  #child: Bun.Subprocess | undefined;
  #url = '';

  constructor(root: string, argv: readonly string[]) {
    this.data = join(root, 'data');
    this.logPath = join(root, 'registry.log');
    this.#argv = argv;
  }

  get url(): string {
    return this.#url;
  }

  get pid(): number {
    if (this.#child === undefined) throw new Error('the registry of this test does not run');
    return this.#child.pid;
  }

  async start(): Promise<void> {
    const log = openSync(this.logPath, 'a');
    const printed = `${this.logPath}.url`;
    rmSync(printed, { force: true });
    const words = ['--data', this.data, '--listen', '127.0.0.1:0', ...this.#argv];
    const child = Bun.spawn([gantryProgram, 'registry', 'serve', ...words], {
      stdin: 'ignore',
      stdout: Bun.file(printed),
      stderr: log,
    });
    closeSync(log);
    this.#child = child;
    this.#url = await waitFor('the registry prints its address', async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${readFileSync(this.logPath, 'utf8')}`);
      return /^(\S+)\n/.exec(await Bun.file(printed).text())?.[1];
    });
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number> {
    const child = this.#child;
    this.#child = undefined;
    child?.kill(signal);
    return (await child?.exited) ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGTERM');
  }
}

export function digestOf(bytes: Uint8Array | string, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

export function randomBlob(sizeBytes: number): { bytes: Uint8Array<ArrayBuffer>; digest: string } {
  const bytes = Uint8Array.from(randomBytes(sizeBytes));
  return { bytes, digest: digestOf(bytes) };
}

export const types = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const;

type Sender = Pick<TestRegistry, 'request'>;

/** Pushes a blob in one request. */
export async function pushBlob(to: Sender, name: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = digestOf(bytes);
  const response = await to.request('POST', `/v2/${name}/blobs/uploads/?digest=${digest}`, { body: bytes });
  if (response.status !== 201) throw new Error(`cannot push a blob: ${response.status} ${await response.text()}`);
  return digest;
}

/** The bytes of an image of one random layer; its blobs are pushed, the manifest is not. */
export async function pushParts(
  to: Sender,
  name: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ manifest: string; digest: string; layer: string; layerBytes: Uint8Array<ArrayBuffer> }> {
  const { bytes: layerBytes } = randomBlob(1000);
  const config = new TextEncoder().encode(`{"random":"${digestOf(layerBytes)}"}`);
  const [layer, configDigest] = [await pushBlob(to, name, layerBytes), await pushBlob(to, name, config)];
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: { mediaType: types.config, digest: configDigest, size: config.length },
    layers: [{ mediaType: types.layer, digest: layer, size: layerBytes.length }],
    ...more,
  });
  return { manifest, digest: digestOf(manifest), layer, layerBytes };
}

export function putManifest(
  to: Sender,
  path: string,
  { body, type = types.manifest, headers = {} }: { body: string; type?: string; headers?: Record<string, string> },
): Promise<Response> {
  return to.request('PUT', path, { body, headers: { 'content-type': type, ...headers } });
}

/** Pushes an image whole. */
export async function pushImage(
  to: Sender,
  name: string,
  tag: string,
): Promise<{ manifest: string; digest: string; layer: string; layerBytes: Uint8Array<ArrayBuffer> }> {
  const image = await pushParts(to, name);
  const response = await putManifest(to, `/v2/${name}/manifests/${tag}`, { body: image.manifest });
  if (response.status !== 201) throw new Error(`cannot push a manifest: ${response.status} ${await response.text()}`);
  return image;
}

/** The code of an error document. */
export async function errorCode(response: Response): Promise<string> {
  const document = (await response.json()) as { errors: readonly { code: string }[] };
  return document.errors[0]?.code ?? '';
}
