import { flagBool, flagList, flagText } from '@gantry/base';
import type { CommandCall, CommandRow, RuntimeFlag } from './command-row.ts';
import { execInContainer } from './exec.ts';
import { createContainer, runContainer } from './launch.ts';

const pidFileFlag: RuntimeFlag = { name: 'pid-file', kind: 'string', about: 'file to write the process ID to' };
const detachFlag: RuntimeFlag = { name: 'detach', short: 'd', kind: 'bool', about: 'do not wait for the process' };
const launchFlags: readonly RuntimeFlag[] = [
  { name: 'bundle', short: 'b', kind: 'string', about: 'directory of config.json; the current one when not given' },
  pidFileFlag,
];

const launchOptions = ({ flags, words }: CommandCall) => ({
  id: words[0] ?? '',
  bundle: flagText(flags, 'bundle') ?? process.cwd(),
  pidFile: flagText(flags, 'pid-file'),
});

/** The commands that make a process. */
export const launchRows = {
  run: {
    usage: 'run [OPTIONS] ID',
    about: 'create and start a container, and wait for it',
    flags: [
      ...launchFlags,
      detachFlag,
      { name: 'keep', kind: 'bool', about: 'keep what is known of the container after its end, until delete' },
    ],
    words: [1, 1],
    run: (call) =>
      runContainer(call.store, {
        ...launchOptions(call),
        detach: flagBool(call.flags, 'detach'),
        keep: flagBool(call.flags, 'keep'),
      }),
  },
  create: {
    usage: 'create [OPTIONS] ID',
    about: 'make a container, up to the start of its process',
    flags: launchFlags,
    words: [1, 1],
    run: (call) => createContainer(call.store, launchOptions(call)),
  },
  exec: {
    usage: 'exec [OPTIONS] ID COMMAND [ARG...]',
    about: 'run a second process in a running container',
    flags: [
      { name: 'tty', short: 't', kind: 'bool', about: 'give the process a terminal' },
      { name: 'env', short: 'e', kind: 'list', about: 'set NAME=VALUE in its environment; may be repeated' },
      { name: 'cwd', kind: 'string', about: 'directory inside to start it in' },
      { name: 'user', short: 'u', kind: 'string', about: 'UID[:GID] to run it as' },
      { name: 'additional-gids', short: 'g', kind: 'list', about: 'further group; may be repeated' },
      { name: 'cap', short: 'c', kind: 'list', about: 'further capability; may be repeated' },
      { name: 'no-new-privs', kind: 'bool', about: 'it may not gain privileges by what it executes' },
      { name: 'ignore-paused', kind: 'bool', about: 'allow it in a paused container, where it waits for resume' },
      pidFileFlag,
      detachFlag,
    ],
    words: [2],
    passesFlagsOn: true,
    failureCode: 255,
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
        ignorePaused: flagBool(flags, 'ignore-paused'),
        detach: flagBool(flags, 'detach'),
        pidFile: flagText(flags, 'pid-file'),
      }),
  },
} satisfies Readonly<Record<string, CommandRow>>;
