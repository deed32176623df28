import { EngineError } from '@gantry/base';
import type { LogOptions } from '../engine.ts';
import { formatDetails, isReadable, readLogs } from '../logs/index.ts';
import type { ContainerDeps } from './deps.ts';
import { containerPaths } from './paths.ts';
import { logDetails } from './ship-logs.ts';

/**
 * Streams what a container wrote. Following ends with the run that goes on when it is asked for, or with the signal; a
 * container that does not run is not followed.
 *
 * @throws invalid, unsupported with Docker's texts, before the first byte
 */
export function streamLogs(
  deps: Pick<ContainerDeps, 'store' | 'live' | 'dataRoot'>,
  ref: string,
  { options, signal }: { readonly options: LogOptions; readonly signal: AbortSignal },
): AsyncIterable<Uint8Array> {
  const container = deps.store.resolve(ref);
  if (!options.stdout && !options.stderr)
    throw new EngineError('invalid', 'Bad parameters: you must choose at least one stream');
  if (!isReadable(container.hostConfig.logConfig))
    throw new EngineError('unsupported', 'configured logging driver does not support reading');
  const source = {
    path: containerPaths(deps.dataRoot, container.id).log,
    terminal: container.config.tty,
    details: formatDetails(Object.entries(logDetails(container))),
  };
  if (!options.follow || container.status.kind !== 'running')
    return readLogs(source, { ...options, follow: false }, { ended: Promise.resolve(), signal });
  // An abort ends the reading like an exit does: nobody has to hear of it twice.
  const ended = deps.live.wait(container.id, 'next-exit', signal).catch(() => undefined);
  return readLogs(source, options, { ended, signal });
}
