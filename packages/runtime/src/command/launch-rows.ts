import { EngineError, FlagError, flagBool, flagInt, flagList, flagText, type ParsedFlags } from '@gantry/base';
import type { CommandCall, CommandRow, RuntimeFlag } from './command-row.ts';
import { execInContainer } from './exec.ts';
import { type ExecRequest, parseProcess } from './exec-process.ts';
import { createContainer, type LaunchOptions, runContainer } from './launch.ts';
import { readDocument } from './read-document.ts';
import { relayConsole } from './relay.ts';

const processFlags: readonly RuntimeFlag[] = [
  { name: 'pid-file', kind: 'string', about: 'file to write the process ID to' },
  { name: 'console-socket', kind: 'string', about: 'unix socket to send the master of the terminal to' },
  { name: 'pidfd-socket', kind: 'string', about: 'unix socket to send a pidfd of the process to' },
  { name: 'preserve-fds', kind: 'int', about: 'how many descriptors more the process gets; only 0' },
];
const detachFlag: RuntimeFlag = { name: 'detach', short: 'd', kind: 'bool', about: 'do not wait for the process' };
const launchFlags: readonly RuntimeFlag[] = [
  { name: 'bundle', short: 'b', kind: 'string', about: 'directory of config.json; the current one when not given' },
  ...processFlags,
  { name: 'no-pivot', kind: 'bool', about: 'refused: a root that is only mounted over can be left' },
  { name: 'no-new-keyring', kind: 'bool', about: 'keep the session keyring of the caller' },
];

function launchOptions({ flags, words, program }: CommandCall): LaunchOptions {
  if (flagBool(flags, 'no-pivot')) {
    throw new EngineError('unsupported', 'cannot use --no-pivot: a root that is only mounted over can be left');
  }
  return {
    id: words[0] ?? '',
    bundle: flagText(flags, 'bundle') ?? process.cwd(),
    ...processOptions(flags),
    program,
    ownKeyring: !flagBool(flags, 'no-new-keyring'),
  };
}

/** What all three take. @throws unsupported */
function processOptions(flags: ParsedFlags): Pick<LaunchOptions, 'pidFile' | 'pidfdSocket' | 'consoleSocket'> {
  if ((flagInt(flags, 'preserve-fds') ?? 0) !== 0) {
    throw new EngineError('unsupported', 'cannot use --preserve-fds: a process here gets its stdio and nothing else');
  }
  return {
    pidFile: flagText(flags, 'pid-file'),
    pidfdSocket: flagText(flags, 'pidfd-socket'),
    consoleSocket: flagText(flags, 'console-socket'),
  };
}

/** The commands that make a process. */
export const launchRows = {
  run: {
    usage: 'run [OPTIONS] ID',
    about: 'create and start a container, and wait for it',
    flags: [
      ...launchFlags,
      detachFlag,
      { name: 'keep', kind: 'bool', about: 'keep what is known of the container after its end, until delete' },
      { name: 'no-subreaper', kind: 'bool', about: 'changes nothing: orphans come to the shim, never to this program' },
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
      { name: 'process', short: 'p', kind: 'string', about: 'file with all of this as "process" of a config.json' },
      { name: 'apparmor', kind: 'string', about: 'AppArmor profile' },
      { name: 'process-label', kind: 'string', about: 'SELinux label' },
      { name: 'cgroup', kind: 'string', about: "cgroup below the container's to run it in" },
      ...processFlags,
      detachFlag,
    ],
    words: [1],
    passesFlagsOn: true,
    failureCode: 255,
    run: ({ store, flags, words: [id = '', ...args], program }) =>
      execInContainer(store, id, {
        request: execRequest(flags, args),
        ignorePaused: flagBool(flags, 'ignore-paused'),
        detach: flagBool(flags, 'detach'),
        cgroup: flagText(flags, 'cgroup'),
        ...processOptions(flags),
        program,
      }),
  },
  relay: {
    usage: 'relay DIRECTORY',
    about: 'join the terminal that stdin is to the process of a task: started by this program alone',
    flags: [],
    words: [1, 1],
    isInternal: true,
    run: async ({ words: [taskDir = ''] }) => {
      await relayConsole(taskDir);
      return 0;
    },
  },
} satisfies Readonly<Record<string, CommandRow>>;

/** @throws invalid for a document that is no process; FlagError when there is neither a document nor a command */
function execRequest(flags: ParsedFlags, args: readonly string[]): ExecRequest {
  const document = flagText(flags, 'process');
  if (document !== undefined) return { kind: 'document', process: parseProcess(readDocument(document)) };
  if (args.length === 0) throw new FlagError('usage: gantry runtime exec [OPTIONS] ID COMMAND [ARG...]');
  return {
    kind: 'flags',
    args,
    env: flagList(flags, 'env'),
    cwd: flagText(flags, 'cwd'),
    user: flagText(flags, 'user'),
    groups: flagList(flags, 'additional-gids'),
    capabilities: flagList(flags, 'cap'),
    terminal: flagBool(flags, 'tty'),
    noNewPrivileges: flagBool(flags, 'no-new-privs'),
    apparmor: flagText(flags, 'apparmor'),
    label: flagText(flags, 'process-label'),
  };
}
