import { join } from 'node:path';
import { leaksSince, type Snapshot, takeSnapshot } from '../test/harness/leaks.ts';
import { ensurePrograms } from './bootstrap.ts';
import { staticSteps } from './check-steps.ts';
import { listRepositoryFiles, repositoryRoot } from './repository.ts';
import { runProgram, runSteps, type Step, type StepResult } from './steps.ts';

/**
 * `npm test`: builds, checks, runs every test there is, and proves that the run left nothing behind on this machine.
 * The last line is `N passed, N failed`. Words after it choose test files by a part of their path.
 */

type Counts = { passed: number; failed: number };

const counts: Counts = { passed: 0, failed: 0 };
const chosen = process.argv.slice(2);
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());

/** One process a file: a test that breaks its process breaks nobody else's. */
function testFileStep(path: string): Step {
  return {
    name: path,
    run: async (signal) => {
      const result = await runProgram([process.execPath, 'test', '--timeout', '60000', `./${path}`], {
        cwd: repositoryRoot,
        signal,
      });
      const passed = readCount(result.output, 'pass');
      const failed = readCount(result.output, 'fail');
      counts.passed += passed;
      // A file that broke before its first test counts as one that failed.
      counts.failed += failed === 0 && !result.ok ? 1 : failed;
      return result;
    },
  };
}

function readCount(output: string, word: 'pass' | 'fail'): number {
  return Number(new RegExp(`^ *(\\d+) ${word}$`, 'm').exec(output)?.[1] ?? 0);
}

function counted(step: Step): Step {
  return {
    name: step.name,
    run: async (signal) => {
      const result = await step.run(signal);
      if (result.ok) counts.passed++;
      else counts.failed++;
      return result;
    },
  };
}

/** On a machine of its own, as in CI, every difference counts; elsewhere only what bears our names can be ours. */
function isOurs(line: string): boolean {
  return process.env.CI !== undefined || /gantry|gtest|br-[0-9a-f]{12}/.test(line);
}

async function proveNothingLeaked(before: Snapshot): Promise<StepResult> {
  // The kernel takes a dead network namespace apart in its own time.
  const deadline = performance.now() + 5000;
  let leaks = leaksSince(before, takeSnapshot(), isOurs);
  while (leaks.length > 0 && performance.now() < deadline) {
    await Bun.sleep(50);
    leaks = leaksSince(before, takeSnapshot(), isOurs);
  }
  return { ok: leaks.length === 0, output: leaks.join('\n') };
}

const build: Step = {
  name: 'build',
  run: (signal) =>
    runProgram([process.execPath, join(import.meta.dirname, 'build.ts')], { cwd: repositoryRoot, signal }),
};

ensurePrograms('musl-gcc', 'busybox', 'curl');
const files = listRepositoryFiles()
  .filter((path) => /^(packages|tools|test|bench)\/.*\.test\.ts$/.test(path))
  .filter((path) => chosen.length === 0 || chosen.some((part) => path.includes(part)));
const isQuick = (path: string): boolean => /^(packages|tools)\//.test(path);
const before = takeSnapshot();
await runSteps([counted(build)], 1, interrupted.signal);
if (chosen.length === 0) await runSteps(staticSteps().map(counted), 2, interrupted.signal);
await runSteps(files.filter(isQuick).map(testFileStep), 2, interrupted.signal);
await runSteps(files.filter((path) => !isQuick(path)).map(testFileStep), 2, interrupted.signal);
await runSteps([counted({ name: 'nothing leaked', run: () => proveNothingLeaked(before) })], 1, interrupted.signal);
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);
process.exitCode = counts.failed === 0 ? 0 : 1;
