import { runCommand } from '../test/harness/command.ts';

/** One side of a comparison: does the thing `count` times and tells how long each took. */
export type Contender = { readonly name: string; readonly measure: (count: number) => Promise<readonly number[]> };

/** What a row of the table holds: one number a contender, in the row's unit. */
export type Measured = { readonly name: string; readonly value: number };

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[middle - 1], sorted[middle]];
  if (high === undefined) throw new Error('unreachable: a median of nothing');
  return sorted.length % 2 === 1 || low === undefined ? high : (low + high) / 2;
}

/**
 * Measures contenders in turns, so that what else the machine does meets all of them alike, after one turn that does not
 * count. @returns the median of each
 */
export async function alternate(
  contenders: readonly Contender[],
  turns: number,
  countPerTurn: number,
): Promise<Measured[]> {
  const samples = new Map<string, number[]>();
  for (let turn = -1; turn < turns; turn++) {
    for (const contender of contenders) {
      const measured = await contender.measure(turn < 0 ? 1 : countPerTurn);
      if (turn >= 0) samples.set(contender.name, [...(samples.get(contender.name) ?? []), ...measured]);
    }
  }
  return contenders.map(({ name }) => ({ name, value: median(samples.get(name) ?? []) }));
}

/** A whole command line, timed by one shell that runs it again and again: what a user waits, without our own start. */
export function shellContender(name: string, prefix: readonly string[], command: string): Contender {
  return {
    name,
    measure: async (count) => {
      const script = `for i in $(seq ${count}); do s=$EPOCHREALTIME; ${command} || exit 9; e=$EPOCHREALTIME; echo "T \${s/./} \${e/./}"; done`;
      const result = await runCommand([...prefix, 'bash', '-c', script], { timeoutMs: 600_000 });
      if (result.exitCode !== 0)
        throw new Error(`cannot measure "${name}": ${result.stderr.trim().split('\n').at(-1)}`);
      return [...result.stdout.matchAll(/^T (\d+) (\d+)$/gm)].map(
        (match) => (Number(match[2]) - Number(match[1])) / 1000,
      );
    },
  };
}

/** An act timed from inside this process. */
export function callContender(name: string, act: () => Promise<void>): Contender {
  return {
    name,
    measure: async (count) => {
      const times: number[] = [];
      for (let done = 0; done < count; done++) {
        const startedAt = performance.now();
        await act();
        times.push(performance.now() - startedAt);
      }
      return times;
    },
  };
}
