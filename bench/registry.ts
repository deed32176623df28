import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOutput } from '../test/harness/command.ts';
import { pushImage, randomBlob, startRegistry } from '../test/registry/registry-server.ts';
import { ensurePrograms } from '../tools/bootstrap.ts';
import { startLocalRegistry } from '../tools/local-registry.ts';
import { alternate, type Contender, type Measured } from './measure.ts';
import { mountLoopDisk } from './peers.ts';
import type { Row } from './row.ts';
import { formatTable, type Result } from './table.ts';

/**
 * `bench/registry`: our registry beside Debian's docker-registry, in turns, both with their data on one fresh ext4 loop
 * disk and without access logs. The clients take the other processor: our figures are what they can ask for, so what a
 * request costs says more than how many there were.
 */

const turnsAt = process.argv.indexOf('--turns');
const turns = turnsAt === -1 ? 5 : Number(process.argv[turnsAt + 1]);
const blobMegabytes = 256;
const manifestRequests = 4000;
const connections = 16;
/** Linux counts the time of a process in these. */
const ticksPerSecond = 100;

type Server = { readonly name: string; readonly url: string; readonly pid: number };

ensurePrograms('curl');
await using undo = new AsyncDisposableStack();
const disk = '/dev/shm/gantry-bench-registry';
undo.use(await mountLoopDisk(undefined, disk, 2500));
const ours = undo.use(await startRegistry({ parent: disk, argv: ['--access-log=false'] }));
const debian = undo.use(await startLocalRegistry(join(disk, 'debian')));
const servers: readonly Server[] = [
  { name: 'gantry', url: ours.url(), pid: ours.pid() },
  { name: 'docker-registry', url: `http://${debian.host}`, pid: debian.pid },
];
const blob = randomBlob(blobMegabytes * 1_000_000);
const blobFile = join(mkdtempSync('/dev/shm/gantry-bench-blob-'), 'blob');
undo.defer(async () => void (await commandOutput(['rm', '-r', join(blobFile, '..')])));
writeFileSync(blobFile, blob.bytes);
for (const { url } of servers) await prepare(url);

/** Puts an image and the large blob there, the way that every registry takes. */
async function prepare(url: string): Promise<void> {
  const request = (method: string, path: string, init: RequestInit = {}): Promise<Response> =>
    path.includes('/blobs/uploads/?digest=') ? postThenPut(url, path, init) : fetch(url + path, { ...init, method });
  await pushImage({ request }, 'bench', 'latest');
  await pushBlobFile(url);
}

/** Debian's registry has no single POST. */
async function postThenPut(url: string, path: string, init: RequestInit): Promise<Response> {
  const [start = '', query = ''] = path.split('?');
  const location = await openUpload(url + start);
  return await fetch(`${location}${location.includes('?') ? '&' : '?'}${query}`, { ...init, method: 'PUT' });
}

async function openUpload(url: string): Promise<string> {
  const opened = await fetch(url, { method: 'POST' });
  return new URL(opened.headers.get('location') ?? '', url).href;
}

/** @returns seconds */
async function pushBlobFile(url: string): Promise<number> {
  const location = await openUpload(`${url}/v2/bench/blobs/uploads/`);
  const target = `${location}${location.includes('?') ? '&' : '?'}digest=${blob.digest}`;
  const form = ['-sf', '-o', '/dev/null', '-w', '%{time_total}', '-H', 'content-type: application/octet-stream'];
  return Number(await commandOutput(['curl', ...form, '-T', blobFile, target]));
}

/** @returns seconds */
async function pullBlob(url: string): Promise<number> {
  const form = ['-sf', '-o', '/dev/null', '-w', '%{time_total}'];
  return Number(await commandOutput(['curl', ...form, `${url}/v2/bench/blobs/${blob.digest}`]));
}

/** @returns seconds for all requests */
async function pullManifests(url: string): Promise<number> {
  const startedAt = performance.now();
  let left = manifestRequests;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const response = await fetch(`${url}/v2/bench/manifests/latest`, {
        headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
      });
      if (!response.ok) throw new Error(`manifest: ${response.status}`);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  return (performance.now() - startedAt) / 1000;
}

/** CPU that a process has used, kernel included. @returns milliseconds */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

function peakMegabytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000;
}

/** Each server's turn: `act` returns one figure. */
const inTurns = (act: (server: Server) => Promise<number>): Promise<Measured[]> => {
  const contenders: Contender[] = servers.map((server) => ({
    name: server.name,
    measure: async () => [await act(server)],
  }));
  return alternate(contenders, turns, 1);
};

async function cpuOf(server: Server, act: () => Promise<unknown>): Promise<number> {
  const before = cpuMs(server.pid);
  await act();
  return cpuMs(server.pid) - before;
}

const rows: readonly (Omit<Row, 'run'> & { readonly measure: () => Promise<Measured[]> })[] = [
  {
    name: 'manifests, 16 clients',
    unit: '/s',
    budget: 4000,
    better: 'higher',
    measure: () => inTurns(async ({ url }) => manifestRequests / (await pullManifests(url))),
  },
  {
    name: 'CPU of 1,000 manifests',
    unit: 'ms',
    budget: 100,
    better: 'lower',
    measure: () =>
      inTurns(async (server) => (await cpuOf(server, () => pullManifests(server.url))) / (manifestRequests / 1000)),
  },
  {
    name: 'blob of 256 MB',
    unit: 'MB/s',
    budget: 2300,
    better: 'higher',
    measure: () => inTurns(async ({ url }) => blobMegabytes / (await pullBlob(url))),
  },
  {
    name: 'CPU of 1 GB of blobs',
    unit: 'ms',
    budget: 400,
    better: 'lower',
    measure: () =>
      inTurns(async (server) => {
        const fourTimes = async (): Promise<void> => {
          for (let time = 0; time < 4; time++) await pullBlob(server.url);
        };
        return (await cpuOf(server, fourTimes)) / ((4 * blobMegabytes) / 1000);
      }),
  },
  {
    name: 'push of a blob of 256 MB',
    unit: 'MB/s',
    budget: 200,
    better: 'higher',
    measure: () => inTurns(async ({ url }) => blobMegabytes / (await pushBlobFile(url))),
  },
  {
    name: 'memory at most, after all that',
    unit: 'MB',
    budget: 150,
    better: 'lower',
    measure: async () => servers.map(({ name, pid }) => ({ name, value: peakMegabytes(pid) })),
  },
];

const results: Result[] = [];
for (const { measure, ...row } of rows) results.push({ row, measured: await measure(), failure: undefined });
process.stdout.write(formatTable(results));
