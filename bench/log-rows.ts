import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../test/harness/command.ts';
import { gantryProgram } from '../test/harness/engine.ts';
import { alternate, type Measured } from './measure.ts';
import type { Bench, Row } from './row.ts';

/** Rows of a container that says much: 200 MB of lines, taken by its log and read back by a client. */
export const logRows: readonly Row[] = [
  { name: '200 MB of log lines, written', unit: 's', budget: 0.7, better: 'lower', run: writeLines },
  { name: '200 MB of log lines, read back', unit: 's', budget: 0.7, better: 'lower', run: readLines },
];

/** A line of a server's access log, a hundred bytes with its end. */
const line = '10.0.0.1 - - [26/Nov/2026:02:00:00 +0000] "GET /index.html HTTP/1.1" 200 5316 "-" "curl/8.14 (any)"\n';
const bytes = 2_000_000 * line.length;

type Side = { readonly name: string; readonly prefix: readonly string[]; readonly command: string };

function sidesOf(bench: Bench): Side[] {
  const sides: Side[] = [{ name: 'gantry', prefix: [], command: `'${gantryProgram}' -H '${bench.gantry.host}'` }];
  if (bench.dockerd !== undefined)
    sides.push({ name: 'docker', prefix: [], command: `docker -H '${bench.dockerd.host}'` });
  if (bench.peers !== undefined) sides.push({ name: 'podman', prefix: bench.peers.enter, command: bench.podman });
  return sides;
}

/** A directory with all the lines in one file: a container that copies it does nothing else than log. */
function prepareLines(): { readonly path: string } & Disposable {
  const path = mkdtempSync('/dev/shm/gantry-bench-');
  writeFileSync(join(path, 'lines'), line.repeat(bytes / line.length));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

/** From `run` to the end of the process: all it said is in the log by then. Every engine is to keep all of it. */
async function logLines(side: Side, lines: string): Promise<number> {
  const run = `run -d --name bench-log --network none --log-opt max-size=1g -v '${lines}:/lines:ro' busybox cat /lines/lines`;
  return await secondsOf(side, `${side.command} ${run} >/dev/null && ${side.command} wait bench-log`);
}

async function writeLines(bench: Bench): Promise<Measured[]> {
  using lines = prepareLines();
  const contenders = sidesOf(bench).map((side) => ({
    name: side.name,
    measure: async () => {
      const seconds = await logLines(side, lines.path);
      await secondsOf(side, `${side.command} rm bench-log`);
      return [seconds];
    },
  }));
  return await alternate(contenders, bench.turns, 1);
}

async function readLines(bench: Bench): Promise<Measured[]> {
  using lines = prepareLines();
  const sides = sidesOf(bench);
  for (const side of sides) await logLines(side, lines.path);
  const contenders = sides.map((side) => ({
    name: side.name,
    measure: async () => [await secondsOf(side, `[ $(${side.command} logs bench-log | wc -c) = ${bytes} ]`)],
  }));
  const measured = await alternate(contenders, bench.turns, 1);
  for (const side of sides) await secondsOf(side, `${side.command} rm bench-log`);
  return measured;
}

async function secondsOf({ name, prefix }: Side, script: string): Promise<number> {
  const startedAt = performance.now();
  const result = await runCommand([...prefix, 'bash', '-c', script], { timeoutMs: 120_000 });
  if (result.exitCode !== 0) throw new Error(`cannot measure "${name}": ${result.stderr.trim().split('\n').at(-1)}`);
  return (performance.now() - startedAt) / 1000;
}
