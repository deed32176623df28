import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, flagBool, flagText, parseDuration } from '@gantry/base';
import { formatPlan } from '@gantry/native';
import { defaultSpec } from '../default-spec.ts';
import { probeHostFacts } from '../probe-facts.ts';
import { planBundle, readBundle } from './bundle.ts';
import { type CommandRow, json, type RuntimeFlag } from './command-row.ts';
import { followEvents, printStats } from './events.ts';
import { describeFeatures } from './features.ts';
import { formatList } from './format-list.ts';
import { containerState, listContainers } from './lifecycle.ts';
import { containerPids, processTable } from './ps.ts';

const formatFlag: RuntimeFlag = { name: 'format', short: 'f', kind: 'string', about: 'table or json' };

/** The commands that only look. */
export const inspectRows = {
  state: {
    usage: 'state ID',
    about: 'print the state of a container',
    flags: [],
    words: [1, 1],
    run: ({ store, words: [id = ''], print }) => {
      print(json(containerState(store, id)));
      return 0;
    },
  },
  list: {
    usage: 'list [OPTIONS]',
    about: 'list the containers below the root',
    flags: [{ name: 'quiet', short: 'q', kind: 'bool', about: 'print IDs alone' }, formatFlag],
    words: [0, 0],
    run: ({ store, flags, print }) => {
      const format = flagBool(flags, 'quiet') ? 'quiet' : (flagText(flags, 'format') ?? 'table');
      print(formatList(listContainers(store), format));
      return 0;
    },
  },
  ps: {
    usage: 'ps [OPTIONS] ID [PS-OPTION...]',
    about: "print what the host's ps says of a container's processes",
    flags: [formatFlag],
    words: [1],
    passesFlagsOn: true,
    run: async ({ store, flags, words: [id = '', ...options], print }) => {
      const format = flagText(flags, 'format') ?? 'table';
      if (format === 'json') print(`${JSON.stringify(containerPids(store, id))}\n`);
      else if (format === 'table') print(await processTable(store, id, options));
      else throw new EngineError('invalid', `cannot list as "${format}": only table and json are known`);
      return 0;
    },
  },
  events: {
    usage: 'events [OPTIONS] ID',
    about: 'print what a container uses, and when it runs out of memory, until it ends',
    flags: [
      { name: 'interval', kind: 'string', about: 'time between two statistics, as 500ms; 5s when not given' },
      { name: 'stats', kind: 'bool', about: 'print statistics once' },
    ],
    words: [1, 1],
    run: async ({ store, flags, words: [id = ''], print }) => {
      const intervalMs = parseInterval(flagText(flags, 'interval') ?? '5s');
      if (flagBool(flags, 'stats')) printStats(store, id, print);
      else await followEvents(store, id, { intervalMs, print });
      return 0;
    },
  },
  plan: {
    usage: 'plan BUNDLE',
    about: 'print the plan that a bundle compiles to, and start nothing',
    flags: [],
    words: [1, 1],
    run: ({ words: [bundle = ''], print }) => {
      const launch = {
        id: 'ID',
        facts: probeHostFacts(),
        taskDir: '/run/gantry-runtime/ID',
        log: { kind: 'none' } as const,
        ownKeyring: true,
      };
      print(formatPlan(planBundle(readBundle(bundle), launch)));
      return 0;
    },
  },
  spec: {
    usage: 'spec [OPTIONS]',
    about: 'write a config.json to begin with',
    flags: [{ name: 'bundle', short: 'b', kind: 'string', about: 'directory to write it to' }],
    words: [0, 0],
    run: ({ flags }) => {
      const path = join(flagText(flags, 'bundle') ?? process.cwd(), 'config.json');
      if (existsSync(path))
        throw new EngineError('conflict', `cannot write "${path}": it exists`, { hint: 'remove it first' });
      writeFileSync(path, json(defaultSpec()));
      return 0;
    },
  },
  features: {
    usage: 'features',
    about: 'print what this runtime knows',
    flags: [],
    words: [0, 0],
    run: ({ print }) => {
      print(json(describeFeatures(probeHostFacts())));
      return 0;
    },
  },
} satisfies Readonly<Record<string, CommandRow>>;

function parseInterval(text: string): number {
  const intervalMs = parseDuration(text);
  if (intervalMs === undefined) throw new EngineError('invalid', `invalid value "${text}" for flag --interval`);
  if (intervalMs < 1) throw new EngineError('invalid', 'duration interval must be greater than 0');
  return intervalMs;
}
