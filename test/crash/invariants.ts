import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestEngine } from '../harness/engine.ts';
import { takeSnapshot } from '../harness/leaks.ts';
import { waitFor } from '../harness/wait-for.ts';

type ContainerRow = { readonly Id: string; readonly Names: readonly string[]; readonly State: string };

/**
 * What must hold after every crash and restart, whatever was going on: rows, processes, directories and cgroups tell the
 * same story. @returns what does not hold, one line each
 */
export async function brokenInvariants(engine: TestEngine): Promise<string[]> {
  const response = await engine.api('GET', '/containers/json?all=1');
  const rows: ContainerRow[] = JSON.parse(await response.text());
  const known = new Set(rows.map((row) => row.Id));
  const running = rows.filter((row) => row.State === 'running');
  const broken: string[] = [];
  for (const row of rows)
    if (row.State === 'dead' || row.State === 'removing') broken.push(`${row.Names[0]} is ${row.State}`);
  for (const row of running) broken.push(...(await brokenRunning(engine, row)));
  broken.push(...(await settledLeftovers(engine, known, new Set(running.map((row) => row.Id)))));
  return broken;
}

async function brokenRunning(engine: TestEngine, row: ContainerRow): Promise<string[]> {
  const inspected: { State: { Pid: number } } = JSON.parse(
    await (await engine.api('GET', `/containers/${row.Id}/json`)).text(),
  );
  if (!existsSync(`/proc/${inspected.State.Pid}/status`))
    return [`${row.Names[0]} is said to run, and PID ${inspected.State.Pid} is not there`];
  const exec = await engine.run('docker', ['exec', row.Id, 'true']);
  return exec.exitCode === 0 ? [] : [`exec in ${row.Names[0]} fails: ${exec.stderr.trim()}`];
}

/** Shims end and cgroups go in their own time, so leftovers count once they have had a while. */
async function settledLeftovers(
  engine: TestEngine,
  known: ReadonlySet<string>,
  running: ReadonlySet<string>,
): Promise<string[]> {
  let found: string[] = [];
  await waitFor(
    'nothing is left over',
    () => {
      found = leftovers(engine, known, running);
      return found.length === 0;
    },
    3000,
  ).catch(() => undefined);
  return found;
}

const fullId = /[0-9a-f]{64}/;

function leftovers(engine: TestEngine, known: ReadonlySet<string>, running: ReadonlySet<string>): string[] {
  const found: string[] = [];
  for (const id of idsIn(join(engine.dataRoot, 'containers')))
    if (!known.has(id)) found.push(`a directory of container ${id}, which has no row`);
  for (const id of idsIn(join(engine.execRoot, 'tasks')))
    if (!running.has(id)) found.push(`a task directory of ${id}, which does not run`);
  found.push(...unmarkedBridges());
  const now = takeSnapshot();
  for (const mount of now.mounts) if (mount.startsWith(engine.root)) found.push(`a mount at ${mount}`);
  for (const line of now.processes) {
    const id = line.includes(engine.execRoot) ? fullId.exec(line)?.[0] : undefined;
    if (id !== undefined && !running.has(id)) found.push(`a process of ${id}, which does not run: ${line}`);
  }
  for (const path of now.cgroups) {
    const id = path.includes('gantry') ? fullId.exec(path)?.[0] : undefined;
    if (id !== undefined && known.has(id) && !running.has(id)) found.push(`a cgroup of ${id}, which does not run`);
  }
  return found;
}

/** A bridge of a network that never came to be: the engine marks its bridges by an alias, and this one has none. */
function unmarkedBridges(): string[] {
  const names = readdirSync('/sys/class/net').filter((name) => /^br-[0-9a-f]{12}$/.test(name));
  return names
    .filter((name) => readLinkFact(name, 'ifalias') === '' && readLinkFact(name, 'operstate') === 'down')
    .map((name) => `bridge ${name}, which nobody owns`);
}

function readLinkFact(link: string, fact: string): string | undefined {
  const path = join('/sys/class/net', link, fact);
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined; // the link went meanwhile
  }
}

function idsIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((name) => new RegExp(`^${fullId.source}$`).test(name));
}

/** Lines `1`, `2`, `3` … as the bystander's log must hold them: none missing, none twice. */
export function missingLine(log: string): number | undefined {
  const lines = log.trim().split('\n');
  for (const [index, line] of lines.entries()) if (line !== String(index + 1)) return index + 1;
  return undefined;
}
