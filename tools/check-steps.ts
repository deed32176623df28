import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkCommittedText, machineTexts } from './committed-text.ts';
import { checkCoverage, readTestFile } from './coverage.ts';
import { checkGenerated } from './generated.ts';
import { listRepositoryFiles, readTextFiles, repositoryRoot } from './repository.ts';
import { checkRooms, type Finding } from './rooms.ts';
import { checkSizes } from './sizes.ts';
import { runProgram, type Step, type StepResult } from './steps.ts';

/** Everything that can be known without running the code under test: style, types, rooms, sizes, texts, the C build. */
export function staticSteps(): Step[] {
  const files = readTextFiles(listRepositoryFiles());
  return [
    program('biome', localProgram('biome'), 'check', '--error-on-warnings', '--max-diagnostics=60', '.'),
    program('types', localProgram('tsc'), '-p', 'tsconfig.json'),
    program('pure types', localProgram('tsc'), '-p', 'tsconfig.pure.json'),
    findings('rooms', () => checkRooms(files)),
    findings('sizes', () => checkSizes(files)),
    findings('committed text', () => checkCommittedText(files, machineTexts(process.env))),
    findings('coverage', () => checkCoverage(readTestFile('docs/coverage.md') ?? '', readTestFile)),
    { name: 'native build', run: buildNativeProgram },
    { name: 'generated files', run: async () => reportFindings(await checkGenerated()) },
    program('dead code', localProgram('knip'), '--no-progress', '--no-config-hints'),
  ];
}

/** The quick tests: pure code, golden texts, the tools themselves. */
export function unitTestStep(): Step {
  return program('tests', process.execPath, 'test', 'packages', 'tools');
}

function localProgram(name: string): string {
  return join(repositoryRoot, 'node_modules/.bin', name);
}

function program(name: string, ...argv: string[]): Step {
  return { name, run: (signal) => runProgram(argv, { cwd: repositoryRoot, signal }) };
}

function findings(name: string, find: () => readonly Finding[]): Step {
  return { name, run: async () => reportFindings(find()) };
}

function reportFindings(found: readonly Finding[]): StepResult {
  return { ok: found.length === 0, output: found.map(({ path, line, rule }) => `${path}:${line}: ${rule}`).join('\n') };
}

async function buildNativeProgram(signal: AbortSignal): Promise<StepResult> {
  const script = join(repositoryRoot, 'packages/native/build.ts');
  if (!existsSync(script)) return { ok: false, output: 'packages/native/build.ts is missing' };
  const built = await runProgram([process.execPath, script], { cwd: repositoryRoot, signal });
  return { ok: built.ok && !/warning:/.test(built.output), output: built.output };
}
