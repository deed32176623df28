import { EngineError, messageOf } from '@gantry/base';

export type AttributeSource = {
  readonly labels: Readonly<Record<string, string>>;
  /** `NAME=value`. */
  readonly env: readonly string[];
};

type Options = Readonly<Record<string, string>>;

/** Labels and variables that the log options name. @throws invalid for a pattern that is none */
export function pickAttributes(source: AttributeSource, options: Options): Readonly<Record<string, string>> {
  const isLabel = chooser(options.labels, options['labels-regex']);
  const isVariable = chooser(options.env, options['env-regex']);
  const variables = source.env.map((entry) => {
    const equals = entry.indexOf('=');
    return [entry.slice(0, equals), entry.slice(equals + 1)] as const;
  });
  return Object.fromEntries([
    ...Object.entries(source.labels).filter(([name]) => isLabel(name)),
    ...variables.filter(([name]) => isVariable(name)),
  ]);
}

function chooser(list: string | undefined, pattern: string | undefined): (name: string) => boolean {
  const names = new Set(list?.split(','));
  const matches = pattern === undefined || pattern === '' ? undefined : parsePattern(pattern);
  return (name) => names.has(name) || matches?.test(name) === true;
}

function parsePattern(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (cause) {
    throw new EngineError('invalid', `error parsing regexp: ${messageOf(cause)}`, { cause });
  }
}
