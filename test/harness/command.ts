/** What a program printed and how it ended. */
export type CommandResult = { readonly stdout: string; readonly stderr: string; readonly exitCode: number };

export type CommandOptions = {
  readonly stdin?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The program is killed then, and its exit code is 137. */
  readonly timeoutMs?: number;
};

/** Runs a program to its end; an exit code other than zero is a result, not an error. */
export async function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const child = Bun.spawn([...argv], {
    stdin: options.stdin === undefined ? 'ignore' : Buffer.from(options.stdin),
    stdout: 'pipe',
    stderr: 'pipe',
    env: { ...process.env, ...options.environment },
    timeout: options.timeoutMs ?? 60_000,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, exitCode };
}

/** Runs a program that must succeed. @returns its standard output without the last newline */
export async function commandOutput(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await runCommand(argv, options);
  if (result.exitCode !== 0)
    throw new Error(`${argv.join(' ')}: exit code ${result.exitCode}: ${result.stderr}${result.stdout}`);
  return result.stdout.replace(/\n$/, '');
}
