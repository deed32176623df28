import type { CommandRow } from '../../command.ts';
import { completionRows } from './completion-rows.ts';

/** `gantry system …` and the commands that belong to no kind of object. */
export const systemCommands: readonly CommandRow[] = [
  ...completionRows,
  {
    names: ['system df'],
    short: 'Show disk usage',
    load: async () => (await import('./disk-usage.ts')).diskUsageCommand,
  },
  {
    names: ['system events', 'events'],
    short: 'Get real time events from the server',
    load: async () => (await import('./events.ts')).eventsCommand,
  },
  {
    names: ['system fsck'],
    short: 'Compare what the engine knows with what is on the disk',
    load: async () => (await import('./fsck.ts')).fsckCommand,
  },
  {
    names: ['system info', 'info'],
    short: 'Display system-wide information',
    load: async () => (await import('./info.ts')).infoCommand,
  },
  {
    names: ['inspect'],
    short: 'Return low-level information on Docker objects',
    load: async () => (await import('./inspect.ts')).inspectCommand,
  },
  {
    names: ['system prune'],
    short: 'Remove unused data',
    load: async () => (await import('./prune.ts')).pruneCommand,
  },
  {
    names: ['version'],
    short: 'Show the version of the client and of the engine',
    load: async () => (await import('./version.ts')).versionCommand,
  },
];
