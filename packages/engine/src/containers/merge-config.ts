import { posix } from 'node:path';
import { EngineError } from '@gantry/base';
import type { ImageRunConfig } from '../images/types.ts';
import type { ContainerConfig, HealthConfig } from './types.ts';

/**
 * Lays what a user gave over what the image says, as Docker does: single values and commands of the user win, lists of
 * ports and volumes are united, environment and labels are merged by key.
 *
 * An entrypoint of the user's own, `[""]` included, drops the image's command with the image's entrypoint.
 *
 * @throws invalid `no command specified`
 */
export function mergeConfig(user: ContainerConfig, image: ImageRunConfig | undefined): ContainerConfig {
  const merged = image === undefined ? user : mergeWithImage(user, image);
  const entrypoint = merged.entrypoint?.length === 1 && merged.entrypoint[0] === '' ? undefined : merged.entrypoint;
  const settled: ContainerConfig = {
    ...merged,
    entrypoint,
    workingDir: merged.workingDir === '' ? '' : cleanPath(merged.workingDir),
  };
  if (commandOf(settled).length === 0) throw new EngineError('invalid', 'no command specified');
  return settled;
}

/** What is executed: the entrypoint with the command as its arguments. */
export function commandOf(config: Pick<ContainerConfig, 'cmd' | 'entrypoint'>): readonly string[] {
  return [...(config.entrypoint ?? []), ...(config.cmd ?? [])];
}

function mergeWithImage(user: ContainerConfig, image: ImageRunConfig): ContainerConfig {
  const keepsImageCommand = (user.entrypoint?.length ?? 0) === 0;
  const noCommand = (user.cmd?.length ?? 0) === 0;
  return {
    ...user,
    user: user.user || image.user,
    exposedPorts: union(user.exposedPorts, image.exposedPorts),
    env: mergeEnvironment(user.env, image.env),
    labels: { ...image.labels, ...user.labels },
    cmd: keepsImageCommand && noCommand ? image.cmd : user.cmd,
    entrypoint: user.entrypoint ?? image.entrypoint,
    healthcheck: mergeHealthcheck(user.healthcheck, image.healthcheck),
    workingDir: user.workingDir || image.workingDir,
    volumes: union(user.volumes, image.volumes),
    stopSignal: user.stopSignal || image.stopSignal,
    shell: user.shell ?? image.shell,
    onBuild: user.onBuild,
  };
}

function union(first: readonly string[], second: readonly string[]): readonly string[] {
  return [...new Set([...first, ...second])];
}

/** The user's variables come first and in their order; a key without `=` (unset on purpose) also hides the image's. */
function mergeEnvironment(user: readonly string[], image: readonly string[]): readonly string[] {
  const keyOf = (entry: string): string => entry.split('=', 1)[0] ?? entry;
  const given = new Set(user.map(keyOf));
  return [...user, ...image.filter((entry) => !given.has(keyOf(entry)))];
}

function mergeHealthcheck(user: HealthConfig | undefined, image: HealthConfig | undefined): HealthConfig | undefined {
  if (user === undefined || image === undefined) return user ?? image;
  return {
    test: user.test.length === 0 ? image.test : user.test,
    intervalNanos: user.intervalNanos || image.intervalNanos,
    timeoutNanos: user.timeoutNanos || image.timeoutNanos,
    startPeriodNanos: user.startPeriodNanos || image.startPeriodNanos,
    startIntervalNanos: user.startIntervalNanos || image.startIntervalNanos,
    retries: user.retries || image.retries,
  };
}

/** An image's relative WORKDIR counts from the root; a user's was refused before. */
function cleanPath(path: string): string {
  const clean = posix.normalize(path.startsWith('/') ? path : `/${path}`);
  return clean.length > 1 ? clean.replace(/\/+$/, '') : clean;
}
