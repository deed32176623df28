import type { CommandRow } from '../../command.ts';

/** `gantry volume …`, in order of name. */
export const volumeCommands: readonly CommandRow[] = [
  {
    names: ['volume create'],
    short: 'Create a volume',
    load: async () => (await import('./create.ts')).createCommand,
  },
  {
    names: ['volume inspect'],
    short: 'Display detailed information on one or more volumes',
    load: async () => (await import('./inspect.ts')).inspectCommand,
  },
  {
    names: ['volume ls', 'volume list'],
    short: 'List volumes',
    load: async () => (await import('./list.ts')).listCommand,
  },
  {
    names: ['volume prune'],
    short: 'Remove unused local volumes',
    load: async () => (await import('./prune.ts')).pruneCommand,
  },
  {
    names: ['volume rm', 'volume remove'],
    short: 'Remove one or more volumes',
    load: async () => (await import('./remove.ts')).removeCommand,
  },
];
