import { EngineError } from '@gantry/base';
import type { LogOptions } from '../engine.ts';
import type { ContainerDeps } from './deps.ts';
import { formatDetails } from './log-lines.ts';
import { readLogs } from './logs.ts';
import { containerPaths } from './paths.ts';
import type { ContainerRecord } from './types.ts';

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
  if (container.hostConfig.logConfig.type === 'none')
    throw new EngineError('unsupported', 'configured logging driver does not support reading');
  const source = {
    path: containerPaths(deps.dataRoot, container.id).log,
    terminal: container.config.tty,
    details: detailsOf(container),
  };
  if (!options.follow || container.status.kind !== 'running')
    return readLogs(source, { ...options, follow: false }, { ended: Promise.resolve(), signal });
  // An abort ends the reading like an exit does: nobody has to hear of it twice.
  const ended = deps.live.wait(container.id, 'next-exit', signal).catch(() => undefined);
  return readLogs(source, options, { ended, signal });
}

/** Labels and variables that the log options name: the same for every line of a container. */
function detailsOf({ config, hostConfig }: ContainerRecord): string {
  const wanted = hostConfig.logConfig.config;
  const environment = config.env.map((entry) => {
    const equals = entry.indexOf('=');
    return [entry.slice(0, equals), entry.slice(equals + 1)] as const;
  });
  return formatDetails([
    ...Object.entries(config.labels).filter(([key]) => isNamed(key, wanted.labels, wanted['labels-regex'])),
    ...environment.filter(([key]) => isNamed(key, wanted.env, wanted['env-regex'])),
  ]);
}

function isNamed(key: string, list: string | undefined, pattern: string | undefined): boolean {
  return (list?.split(',').includes(key) ?? false) || (pattern !== undefined && new RegExp(pattern).test(key));
}
