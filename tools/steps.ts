import { spawn } from 'node:child_process';

/** What a step found: nothing when it passed. */
export type StepResult = { readonly ok: boolean; readonly output: string };

/** One named check. `run` is given a signal that ends it when the whole run is interrupted. */
export type Step = { readonly name: string; readonly run: (signal: AbortSignal) => Promise<StepResult> };

/** Runs steps, `width` at a time in their order, and prints each as it ends. @returns the names of those that failed */
export async function runSteps(steps: readonly Step[], width: number, signal: AbortSignal): Promise<string[]> {
  const waiting = [...steps];
  const failed: string[] = [];
  const worker = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const startedAt = performance.now();
      const result = await runStep(step, signal);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      process.stdout.write(`${result.ok ? 'ok  ' : 'FAIL'} ${step.name} (${seconds} s)\n`);
      if (result.ok) continue;
      failed.push(step.name);
      process.stdout.write(`${result.output.trimEnd()}\n\n`);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return failed;
}

async function runStep(step: Step, signal: AbortSignal): Promise<StepResult> {
  try {
    return await step.run(signal);
  } catch (error) {
    return { ok: false, output: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** Runs a program to its end with no stdin, keeping what it prints on both streams in order. */
export function runProgram(
  argv: readonly string[],
  options: { cwd: string; signal?: AbortSignal; environment?: NodeJS.ProcessEnv },
): Promise<StepResult> {
  const [program = '', ...rest] = argv;
  const ended = Promise.withResolvers<StepResult>();
  const child = spawn(program, rest, {
    cwd: options.cwd,
    env: options.environment ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: options.signal,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  child.on('error', (error) => ended.reject(new Error(`cannot run "${program}": ${error.message}`, { cause: error })));
  child.on('close', (code) => ended.resolve({ ok: code === 0, output }));
  return ended.promise;
}
