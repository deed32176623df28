import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '@gantry/base';

const source = join(import.meta.dir, 'c');
const flags = [
  '-std=gnu11',
  '-D_GNU_SOURCE',
  '-g',
  '-O1',
  '-Wall',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=all',
];

/**
 * Runs the plan loader and the log over mutated input under gcc's sanitizers.
 *
 * @param plan an encoded plan: what the mutations start from
 * @returns what the harness counted
 * @throws internal with the sanitizer's report
 */
export async function fuzzNative(plan: Uint8Array, options: { rounds: number; seed: number }): Promise<string> {
  const directory = join(import.meta.dir, 'build');
  const program = join(directory, `fuzz.${process.pid}`);
  const seedFile = `${program}.plan`;
  mkdirSync(directory, { recursive: true });
  writeFileSync(seedFile, plan);
  const files = ['fuzz/fuzz.c', 'plan.c', 'log.c'].map((name) => join(source, name));
  try {
    await succeed(['gcc', ...flags, '-o', program, ...files]);
    return await succeed([program, seedFile, String(options.rounds), String(options.seed)]);
  } finally {
    for (const path of [program, seedFile]) await Bun.file(path).delete();
  }
}

async function succeed(command: string[]): Promise<string> {
  const run = Bun.spawn(command, { stdout: 'pipe', stderr: 'pipe' });
  const [said, complained, code] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ]);
  if (code !== 0) throw new EngineError('internal', `cannot fuzz: ${command[0]} ended with ${code}: ${complained}`);
  return said.trim();
}
