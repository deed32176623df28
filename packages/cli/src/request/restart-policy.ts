import type { restartPolicy, ValueOf } from '@gantry/api';
import { cutPair } from './csv.ts';

export type RestartPolicy = ValueOf<typeof restartPolicy>;

/** Reads `--restart name[:count]`. @throws Error in Docker's words */
export function parseRestartPolicy(text: string): RestartPolicy {
  const [name, count] = cutPair(text, ':');
  if (count !== undefined && name === '') {
    throw new Error('invalid restart policy format: no policy provided before colon');
  }
  if (count !== undefined && !/^[+-]?\d+$/.test(count)) {
    throw new Error('invalid restart policy format: maximum retry count must be an integer');
  }
  // Which names there are is the engine's to say, so one that is none of them is sent and refused there.
  return { name: name as RestartPolicy['name'], maximumRetryCount: Number(count ?? 0) };
}
