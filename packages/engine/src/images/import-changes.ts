import { EngineError, sumDuration } from '@gantry/base';
import type { Healthcheck, RunConfig } from '@gantry/oci';

/**
 * Applies `--change` lines: the instructions of a Dockerfile that only change the config.
 *
 * Spec: Dockerfile reference; `docker import --change` for which instructions are allowed.
 * @throws invalid with Docker's text
 */
export function applyChanges(config: RunConfig, changes: readonly string[]): RunConfig {
  const lines = changes
    .flatMap((change) => change.split('\n'))
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const changed = lines.reduce(applyChange, config);
  const says = (instruction: string): boolean => lines.some((line) => line.toLowerCase().startsWith(`${instruction} `));
  // A command was made for the entrypoint that was there before.
  return says('entrypoint') && !says('cmd') ? { ...changed, cmd: undefined } : changed;
}

function applyChange(config: RunConfig, line: string): RunConfig {
  const [, word = '', rest = ''] = /^(\S+)(?:\s+([\s\S]+))?$/.exec(line) ?? [];
  const instruction = word.toLowerCase();
  const apply = instructions[instruction];
  if (apply === undefined) throw new EngineError('invalid', `${word} is not a valid change command`);
  if (rest.trim() === '') throw new EngineError('invalid', `${word.toUpperCase()} requires at least one argument`);
  return apply(config, rest.trim());
}

const instructions: Readonly<Record<string, (config: RunConfig, rest: string) => RunConfig>> = {
  cmd: (config, rest) => ({ ...config, cmd: parseCommand(rest, config) }),
  entrypoint: (config, rest) => ({ ...config, entrypoint: parseCommand(rest, config) }),
  env: (config, rest) => ({ ...config, env: mergeEnv(config.env, parsePairs(rest, 'ENV')) }),
  expose: (config, rest) => ({ ...config, exposedPorts: union(config.exposedPorts, rest.split(/\s+/).map(parsePort)) }),
  healthcheck: (config, rest) => ({ ...config, healthcheck: parseHealthcheck(rest, config) }),
  label: (config, rest) => ({
    ...config,
    labels: { ...config.labels, ...Object.fromEntries(parsePairs(rest, 'LABEL')) },
  }),
  onbuild: (config, rest) => ({ ...config, onBuild: [...(config.onBuild ?? []), parseTrigger(rest)] }),
  shell: (config, rest) => ({
    ...config,
    shell: parseJsonList(rest) ?? fail('SHELL requires the arguments to be in JSON form'),
  }),
  stopsignal: (config, rest) => ({ ...config, stopSignal: rest }),
  user: (config, rest) => ({ ...config, user: rest }),
  volume: (config, rest) => ({ ...config, volumes: union(config.volumes, parseJsonList(rest) ?? rest.split(/\s+/)) }),
  workdir: (config, rest) => ({ ...config, workingDir: joinWorkingDir(config.workingDir, rest) }),
};

function fail(message: string): never {
  throw new EngineError('invalid', message);
}

function union(left: readonly string[], right: readonly string[]): string[] {
  return [...new Set([...left, ...right])];
}

/** `["a", "b"]`; anything else is the shell form. */
function parseJsonList(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const isTexts = Array.isArray(value) && value.every((item) => typeof item === 'string');
    return isTexts ? value : undefined;
  } catch {
    // Docker takes a line that only looks like JSON as a shell command too.
    return undefined;
  }
}

function parseCommand(text: string, config: RunConfig): readonly string[] {
  return parseJsonList(text) ?? [...(config.shell ?? ['/bin/sh', '-c']), text];
}

function parsePort(text: string): string {
  const match = /^([0-9]{1,5})(?:-([0-9]{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  if (match?.[1] === undefined || Number(match[1]) > 65535) return fail(`invalid containerPort: ${text}`);
  const range = match[2] === undefined ? match[1] : `${match[1]}-${match[2]}`;
  return `${range}/${(match[3] ?? 'tcp').toLowerCase()}`;
}

/** `a=b "c d"=e`, or the old form `a b` for one pair. */
function parsePairs(text: string, instruction: string): readonly (readonly [string, string])[] {
  const words = splitWords(text);
  if (words[0]?.includes('=') !== true) {
    const [, name = '', value] = /^(\S+)\s+([\s\S]+)$/.exec(text) ?? [];
    return value === undefined ? fail(`${instruction} must have two arguments`) : [[name, value]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals <= 0) return fail(`Syntax error - can't find = in "${word}". Must be of the form: name=value`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** Splits at spaces outside quotes, and takes quotes and backslashes away. */
function splitWords(text: string): string[] {
  const words: string[] = [];
  const grammar = /\s*((?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+)/y;
  for (let match = grammar.exec(text); match?.[1] !== undefined; match = grammar.exec(text)) {
    words.push(match[1].replace(/\\([\s\S])|"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'/g, unquote));
  }
  return words;
}

function unquote(_: string, ...groups: (string | undefined)[]): string {
  const [escaped, double = '', single] = groups;
  return escaped ?? single ?? double.replace(/\\(["\\$])/g, '$1');
}

function mergeEnv(env: readonly string[], pairs: readonly (readonly [string, string])[]): string[] {
  const merged = new Map(env.map((entry) => [entry.split('=', 1)[0] ?? entry, entry]));
  for (const [name, value] of pairs) merged.set(name, `${name}=${value}`);
  return [...merged.values()];
}

function joinWorkingDir(current: string, path: string): string {
  const whole = path.startsWith('/') ? path : `${current === '' ? '' : current}/${path}`;
  const parts: string[] = [];
  for (const part of whole.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function parseTrigger(text: string): string {
  const word = text.split(/\s/, 1)[0]?.toUpperCase() ?? '';
  if (word === 'ONBUILD') fail("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (word === 'FROM' || word === 'MAINTAINER') fail(`${word} isn't allowed as an ONBUILD trigger`);
  return text;
}

const noHealthcheck: Healthcheck = {
  test: ['NONE'],
  intervalNanos: 0,
  timeoutNanos: 0,
  startPeriodNanos: 0,
  startIntervalNanos: 0,
  retries: 0,
};

function parseHealthcheck(text: string, config: RunConfig): Healthcheck {
  const options = new Map<string, string>();
  let rest = text;
  for (let match = /^--([a-z-]+)=(\S+)\s+/.exec(rest); match !== null; match = /^--([a-z-]+)=(\S+)\s+/.exec(rest)) {
    options.set(match[1] ?? '', match[2] ?? '');
    rest = rest.slice(match[0].length);
  }
  const [, kind = '', command = ''] = /^(\S+)(?:\s+([\s\S]+))?$/.exec(rest) ?? [];
  if (kind.toUpperCase() === 'NONE') return noHealthcheck;
  if (kind.toUpperCase() !== 'CMD') return fail(`Unknown type "${kind.toUpperCase()}" in HEALTHCHECK (try CMD)`);
  if (command === '') return fail('Missing command after HEALTHCHECK CMD');
  const nanos = (name: string): number => parseDuration(options.get(name) ?? '0s');
  const json = parseJsonList(command);
  return {
    test: json === undefined ? ['CMD-SHELL', command] : ['CMD', ...json],
    intervalNanos: nanos('interval'),
    timeoutNanos: nanos('timeout'),
    startPeriodNanos: nanos('start-period'),
    startIntervalNanos: nanos('start-interval'),
    retries: Number(options.get('retries') ?? config.healthcheck?.retries ?? 0),
  };
}

/** Go's durations: `1m30s`, `500ms`. @returns nanoseconds */
function parseDuration(text: string): number {
  if (!/^(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return fail(`invalid duration "${text}"`);
  return sumDuration(text);
}
