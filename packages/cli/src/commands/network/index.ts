import type { CommandRow } from '../../command.ts';

/** `gantry network …`, in order of name. */
export const networkCommands: readonly CommandRow[] = [
  {
    names: ['network connect'],
    short: 'Connect a container to a network',
    load: async () => (await import('./connect.ts')).connectCommand,
  },
  {
    names: ['network create'],
    short: 'Create a network',
    load: async () => (await import('./create.ts')).createCommand,
  },
  {
    names: ['network disconnect'],
    short: 'Disconnect a container from a network',
    load: async () => (await import('./connect.ts')).disconnectCommand,
  },
  {
    names: ['network inspect'],
    short: 'Display detailed information on one or more networks',
    load: async () => (await import('./inspect.ts')).inspectCommand,
  },
  {
    names: ['network ls', 'network list'],
    short: 'List networks',
    load: async () => (await import('./list.ts')).listCommand,
  },
  {
    names: ['network prune'],
    short: 'Remove all unused networks',
    load: async () => (await import('./prune.ts')).pruneCommand,
  },
  {
    names: ['network rm', 'network remove'],
    short: 'Remove one or more networks',
    load: async () => (await import('./remove.ts')).removeCommand,
  },
];
