import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkCommittedText, machineTexts } from './committed-text.ts';
import { checkGenerated } from './generated.ts';
import { listRepositoryFiles, readTextFiles, repositoryRoot } from './repository.ts';
import { checkRooms, type Finding } from './rooms.ts';
import { checkSizes } from './sizes.ts';
import { runProgram, runSteps, type Step, type StepResult } from './steps.ts';

/** `npm run check`: everything that can be known without starting a container. Names given as arguments choose steps. */

const local = (program: string): string => join(repositoryRoot, 'node_modules/.bin', program);

function program(name: string, ...argv: string[]): Step {
  return { name, run: (signal) => runProgram(argv, { cwd: repositoryRoot, signal }) };
}

function findings(name: string, find: () => readonly Finding[]): Step {
  return { name, run: async () => reportFindings(find()) };
}

function reportFindings(found: readonly Finding[]): StepResult {
  return { ok: found.length === 0, output: found.map(({ path, line, rule }) => `${path}:${line}: ${rule}`).join('\n') };
}

async function buildNativeProgram(): Promise<StepResult> {
  const script = join(repositoryRoot, 'packages/native/build.ts');
  if (!existsSync(script)) return { ok: false, output: 'packages/native/build.ts is missing' };
  const built = await runProgram([process.execPath, script], { cwd: repositoryRoot });
  return { ok: built.ok && !/warning:/.test(built.output), output: built.output };
}

const files = readTextFiles(listRepositoryFiles());
const allSteps: readonly Step[] = [
  program('biome', local('biome'), 'check', '--error-on-warnings', '--max-diagnostics=60', '.'),
  program('types', local('tsc'), '-p', 'tsconfig.json'),
  program('pure types', local('tsc'), '-p', 'tsconfig.pure.json'),
  findings('rooms', () => checkRooms(files)),
  findings('sizes', () => checkSizes(files)),
  findings('committed text', () => checkCommittedText(files, machineTexts(process.env))),
  { name: 'native build', run: buildNativeProgram },
  { name: 'generated files', run: async () => reportFindings(await checkGenerated()) },
  program('tests', process.execPath, 'test', 'packages', 'tools'),
  program('dead code', local('knip'), '--no-progress', '--no-config-hints'),
];

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !allSteps.some((step) => step.name === name));
if (unknown.length > 0) {
  process.stderr.write(`check: no step "${unknown[0]}"; there are: ${allSteps.map((step) => step.name).join(', ')}\n`);
  process.exit(2);
}
const steps = allSteps.filter((step) => chosen.length === 0 || chosen.includes(step.name));
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
const failed = await runSteps(steps, 2, interrupted.signal);
process.stdout.write(failed.length === 0 ? `check: ${steps.length} passed\n` : `check: failed: ${failed.join(', ')}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
