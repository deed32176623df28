import { EngineError } from '@gantry/base';
import { type DiffId, parseDiffId } from './digest.ts';
import { type Fields, parseFields } from './fields.ts';

export type Healthcheck = {
  readonly test: readonly string[];
  readonly intervalNanos: number;
  readonly timeoutNanos: number;
  readonly startPeriodNanos: number;
  readonly startIntervalNanos: number;
  readonly retries: number;
};

/** How an image says that it wants to be run. */
export type RunConfig = {
  readonly user: string;
  readonly exposedPorts: readonly string[];
  readonly env: readonly string[];
  readonly entrypoint: readonly string[] | undefined;
  readonly cmd: readonly string[] | undefined;
  readonly volumes: readonly string[];
  readonly workingDir: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string;
  readonly shell: readonly string[] | undefined;
  readonly healthcheck: Healthcheck | undefined;
  readonly argsEscaped: boolean;
  readonly onBuild: readonly string[] | undefined;
};

export type HistoryEntry = {
  readonly createdAt: Date | undefined;
  readonly createdBy: string;
  readonly comment: string;
  readonly emptyLayer: boolean;
  readonly author: string;
};

export type ImageConfig = {
  readonly createdAt: Date | undefined;
  readonly architecture: string;
  readonly variant: string;
  readonly os: string;
  readonly author: string;
  readonly comment: string;
  readonly dockerVersion: string;
  readonly config: RunConfig;
  /** Lowest first. */
  readonly diffIds: readonly DiffId[];
  readonly history: readonly HistoryEntry[];
};

export const maximumConfigBytes = 8 * 2 ** 20;

export const emptyRunConfig: RunConfig = {
  user: '',
  exposedPorts: [],
  env: [],
  entrypoint: undefined,
  cmd: undefined,
  volumes: [],
  workingDir: '',
  labels: {},
  stopSignal: '',
  shell: undefined,
  healthcheck: undefined,
  argsEscaped: false,
  onBuild: undefined,
};

/**
 * Parses an image config of either kind: Docker's has the fields of OCI's and a few more.
 *
 * Spec: OCI image-spec 1.1, config.md; Docker image-spec v1.2 for Healthcheck, Shell and OnBuild.
 * @throws invalid
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  if (bytes.length > maximumConfigBytes) {
    throw new EngineError('invalid', `cannot read image config: more than ${maximumConfigBytes} bytes`);
  }
  const fields = parseFields(new TextDecoder().decode(bytes), 'image config');
  const rootfs = fields.object('rootfs');
  if (rootfs === undefined) throw new EngineError('invalid', 'cannot read image config: it has no "rootfs"');
  const type = rootfs.text('type');
  if (type !== 'layers' && type !== '')
    throw new EngineError('invalid', `cannot read image config: rootfs type "${type}"`);
  const config = fields.object('config');
  return {
    createdAt: fields.time('created'),
    architecture: fields.text('architecture'),
    variant: fields.text('variant'),
    os: fields.text('os') === '' ? 'linux' : fields.text('os'),
    author: fields.text('author'),
    comment: fields.text('comment'),
    dockerVersion: fields.text('docker_version'),
    config: config === undefined ? emptyRunConfig : parseRunConfig(config),
    diffIds: rootfs.texts('diff_ids').map(parseDiffId),
    history: fields.objects('history').map(parseHistory),
  };
}

function parseRunConfig(fields: Fields): RunConfig {
  const healthcheck = fields.object('Healthcheck');
  return {
    user: fields.text('User'),
    exposedPorts: fields.keys('ExposedPorts'),
    env: fields.texts('Env'),
    entrypoint: fields.optionalTexts('Entrypoint'),
    cmd: fields.optionalTexts('Cmd'),
    volumes: fields.keys('Volumes'),
    workingDir: fields.text('WorkingDir'),
    labels: fields.textMap('Labels'),
    stopSignal: fields.text('StopSignal'),
    shell: fields.optionalTexts('Shell'),
    healthcheck: healthcheck === undefined ? undefined : parseHealthcheck(healthcheck),
    argsEscaped: fields.flag('ArgsEscaped'),
    onBuild: fields.optionalTexts('OnBuild'),
  };
}

function parseHealthcheck(fields: Fields): Healthcheck {
  return {
    test: fields.texts('Test'),
    intervalNanos: fields.integer('Interval'),
    timeoutNanos: fields.integer('Timeout'),
    startPeriodNanos: fields.integer('StartPeriod'),
    startIntervalNanos: fields.integer('StartInterval'),
    retries: fields.integer('Retries'),
  };
}

function parseHistory(fields: Fields): HistoryEntry {
  return {
    createdAt: fields.time('created'),
    createdBy: fields.text('created_by'),
    comment: fields.text('comment'),
    emptyLayer: fields.flag('empty_layer'),
    author: fields.text('author'),
  };
}

/** Prints a config that Docker and OCI readers both take. Equal values print equal bytes: the digest is the image's ID. */
export function formatImageConfig(image: ImageConfig): Uint8Array {
  const { config } = image;
  const document = {
    architecture: image.architecture,
    ...(image.variant !== '' && { variant: image.variant }),
    ...(image.author !== '' && { author: image.author }),
    ...(image.comment !== '' && { comment: image.comment }),
    ...(image.createdAt !== undefined && { created: image.createdAt.toISOString() }),
    ...(image.dockerVersion !== '' && { docker_version: image.dockerVersion }),
    os: image.os,
    config: formatRunConfig(config),
    rootfs: { type: 'layers', diff_ids: image.diffIds },
    history: image.history.map(formatHistory),
  };
  return new TextEncoder().encode(JSON.stringify(document));
}

const asSet = (names: readonly string[]): Readonly<Record<string, object>> =>
  Object.fromEntries(names.map((name) => [name, {}]));

function formatRunConfig(config: RunConfig): Readonly<Record<string, unknown>> {
  const check = config.healthcheck;
  return {
    ...(config.user !== '' && { User: config.user }),
    ...(config.exposedPorts.length > 0 && { ExposedPorts: asSet(config.exposedPorts) }),
    ...(config.env.length > 0 && { Env: config.env }),
    ...(config.entrypoint !== undefined && { Entrypoint: config.entrypoint }),
    ...(config.cmd !== undefined && { Cmd: config.cmd }),
    ...(config.volumes.length > 0 && { Volumes: asSet(config.volumes) }),
    ...(config.workingDir !== '' && { WorkingDir: config.workingDir }),
    ...(Object.keys(config.labels).length > 0 && { Labels: config.labels }),
    ...(config.stopSignal !== '' && { StopSignal: config.stopSignal }),
    ...(config.argsEscaped && { ArgsEscaped: true }),
    ...(config.onBuild !== undefined && { OnBuild: config.onBuild }),
    ...(config.shell !== undefined && { Shell: config.shell }),
    ...(check !== undefined && {
      Healthcheck: {
        ...(check.test.length > 0 && { Test: check.test }),
        ...(check.intervalNanos !== 0 && { Interval: check.intervalNanos }),
        ...(check.timeoutNanos !== 0 && { Timeout: check.timeoutNanos }),
        ...(check.startPeriodNanos !== 0 && { StartPeriod: check.startPeriodNanos }),
        ...(check.startIntervalNanos !== 0 && { StartInterval: check.startIntervalNanos }),
        ...(check.retries !== 0 && { Retries: check.retries }),
      },
    }),
  };
}

function formatHistory(entry: HistoryEntry): Readonly<Record<string, unknown>> {
  return {
    ...(entry.createdAt !== undefined && { created: entry.createdAt.toISOString() }),
    ...(entry.author !== '' && { author: entry.author }),
    ...(entry.createdBy !== '' && { created_by: entry.createdBy }),
    ...(entry.comment !== '' && { comment: entry.comment }),
    ...(entry.emptyLayer && { empty_layer: true }),
  };
}
