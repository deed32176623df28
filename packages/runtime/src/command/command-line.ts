import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, type FlagSpec, flagBool, flagList, flagText, type ParsedFlags, parseSignal } from '@gantry/base';
import { formatPlan } from '@gantry/native';
import { defaultSpec } from '../default-spec.ts';
import { probeHostFacts } from '../probe-facts.ts';
import { planBundle, readBundle } from './bundle.ts';
import type { ContainerStore } from './container-store.ts';
import { execInContainer } from './exec.ts';
import { describeFeatures } from './features.ts';
import { createContainer, runContainer } from './launch.ts';
import { containerState, deleteContainer, killContainer, listContainers, startContainer } from './lifecycle.ts';

/** One command of `gantry runtime`, as runc has it. `words` are what stands after the flags. */
export type CommandRow = {
  readonly usage: string;
  readonly about: string;
  readonly flags: readonly FlagSpec[];
  /** How many words it takes; the second is missing when any number may follow. */
  readonly words: readonly [least: number, most?: number];
  readonly run: (call: CommandCall) => Promise<number> | number;
};

export type CommandCall = {
  readonly store: ContainerStore;
  readonly flags: ParsedFlags;
  readonly words: readonly string[];
  readonly print: (text: string) => void;
};

const bundleFlag: FlagSpec = { name: 'bundle', short: 'b', kind: 'string' };
const pidFileFlag: FlagSpec = { name: 'pid-file', kind: 'string' };
const detachFlag: FlagSpec = { name: 'detach', short: 'd', kind: 'bool' };

const launchOptions = ({ flags, words }: CommandCall) => ({
  id: words[0] ?? '',
  bundle: flagText(flags, 'bundle') ?? process.cwd(),
  pidFile: flagText(flags, 'pid-file'),
});

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

export const runtimeCommands: Readonly<Record<string, CommandRow>> = {
  run: {
    usage: 'run [-b DIR] [-d] [--keep] [--pid-file FILE] ID',
    about: 'create and start a container, and wait for it',
    flags: [bundleFlag, pidFileFlag, detachFlag, { name: 'keep', kind: 'bool' }],
    words: [1, 1],
    run: (call) =>
      runContainer(call.store, {
        ...launchOptions(call),
        detach: flagBool(call.flags, 'detach'),
        keep: flagBool(call.flags, 'keep'),
      }),
  },
  create: {
    usage: 'create [-b DIR] [--pid-file FILE] ID',
    about: 'make a container, up to the start of its process',
    flags: [bundleFlag, pidFileFlag],
    words: [1, 1],
    run: (call) => createContainer(call.store, launchOptions(call)),
  },
  start: {
    usage: 'start ID',
    about: 'start the process of a created container',
    flags: [],
    words: [1, 1],
    run: async ({ store, words }) => {
      await startContainer(store, words[0] ?? '');
      return 0;
    },
  },
  exec: {
    usage:
      'exec [-t] [-d] [-e K=V] [--cwd DIR] [-u USER] [-g GROUP] [-c CAP] [--no-new-privs] [--pid-file FILE] ID CMD…',
    about: 'run a second process in a running container',
    flags: [
      { name: 'tty', short: 't', kind: 'bool' },
      { name: 'env', short: 'e', kind: 'list' },
      { name: 'cwd', kind: 'string' },
      { name: 'user', short: 'u', kind: 'string' },
      { name: 'additional-gids', short: 'g', kind: 'list' },
      { name: 'cap', short: 'c', kind: 'list' },
      { name: 'no-new-privs', kind: 'bool' },
      pidFileFlag,
      detachFlag,
    ],
    words: [2],
    run: ({ store, flags, words: [id = '', ...args] }) =>
      execInContainer(store, id, {
        args,
        env: flagList(flags, 'env'),
        cwd: flagText(flags, 'cwd'),
        user: flagText(flags, 'user'),
        groups: flagList(flags, 'additional-gids'),
        capabilities: flagList(flags, 'cap'),
        terminal: flagBool(flags, 'tty'),
        noNewPrivileges: flagBool(flags, 'no-new-privs'),
        detach: flagBool(flags, 'detach'),
        pidFile: flagText(flags, 'pid-file'),
      }),
  },
  kill: {
    usage: 'kill [-a] ID [SIGNAL]',
    about: 'send a signal to the process of a container',
    flags: [{ name: 'all', short: 'a', kind: 'bool' }],
    words: [1, 2],
    run: ({ store, flags, words: [id = '', signal = 'TERM'] }) => {
      killContainer(store, id, { signal: parseSignal(signal), everyProcess: flagBool(flags, 'all') });
      return 0;
    },
  },
  delete: {
    usage: 'delete [-f] ID',
    about: 'take away what a stopped container left',
    flags: [{ name: 'force', short: 'f', kind: 'bool' }],
    words: [1, 1],
    run: async ({ store, flags, words: [id = ''] }) => {
      const force = flagBool(flags, 'force');
      // As with rm -f, what is not there need not be taken away.
      if (force && !existsSync(store.directory(id))) return 0;
      await deleteContainer(store, id, force);
      return 0;
    },
  },
  state: {
    usage: 'state ID',
    about: 'print the state of a container',
    flags: [],
    words: [1, 1],
    run: ({ store, words, print }) => {
      print(json(containerState(store, words[0] ?? '')));
      return 0;
    },
  },
  list: {
    usage: 'list [-q] [-f table|json]',
    about: 'list the containers below the root',
    flags: [
      { name: 'quiet', short: 'q', kind: 'bool' },
      { name: 'format', short: 'f', kind: 'string' },
    ],
    words: [0, 0],
    run: ({ store, flags, print }) => {
      print(
        formatList(listContainers(store), flagBool(flags, 'quiet') ? 'quiet' : (flagText(flags, 'format') ?? 'table')),
      );
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
      };
      print(formatPlan(planBundle(readBundle(bundle), launch)));
      return 0;
    },
  },
  spec: {
    usage: 'spec [-b DIR]',
    about: 'write a config.json to begin with',
    flags: [bundleFlag],
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
};

function formatList(containers: ReturnType<typeof listContainers>, format: string): string {
  if (format === 'quiet') return containers.map(({ id }) => `${id}\n`).join('');
  if (format === 'json') return `${JSON.stringify(containers)}\n`;
  if (format !== 'table') throw new EngineError('invalid', `cannot list as "${format}": only table and json are known`);
  const rows = [
    ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED'],
    ...containers.map(({ id, pid = 0, status, bundle, created }) => [id, String(pid), status, bundle, created]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(12, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join(' ')
          .trimEnd()}\n`,
    )
    .join('');
}
