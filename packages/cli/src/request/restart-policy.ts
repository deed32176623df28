import { restartPolicy, type ValueOf } from '@gantry/api';
import { cutPair } from './csv.ts';

export type RestartPolicy = ValueOf<typeof restartPolicy>;

const names = ['', 'no', 'always', 'unless-stopped', 'on-failure'] as const;

/** Reads `--restart name[:count]`. @throws Error in Docker's words */
export function parseRestartPolicy(text: string): RestartPolicy {
  const [name, count] = cutPair(text, ':');
  if (count !== undefined && name === '') {
    throw new Error('invalid restart policy format: no policy provided before colon');
  }
  if (count !== undefined && !/^[+-]?\d+$/.test(count)) {
    throw new Error('invalid restart policy format: maximum retry count must be an integer');
  }
  // The codec cannot carry a name that is none of these, so the engine's sentence is said here.
  const known = names.find((candidate) => candidate === name);
  if (known === undefined) return restartPolicy.parse({ Name: name }, 'RestartPolicy');
  return { name: known, maximumRetryCount: Number(count ?? 0) };
}
