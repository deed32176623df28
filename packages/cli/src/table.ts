import { boolFlag, listFlag, textFlag } from './command.ts';
import type { CommandTable } from './command-table.ts';
import { containerCommands } from './commands/container/index.ts';
import { imageCommands } from './commands/image/index.ts';
import { manifestCommands } from './commands/manifest/index.ts';
import { networkCommands } from './commands/network/index.ts';
import { registryCommands } from './commands/registry/index.ts';
import { systemCommands } from './commands/system/index.ts';
import { volumeCommands } from './commands/volume/index.ts';

/** The table itself: every command of this program. */
export const commandTable: CommandTable = {
  short: 'A container engine that starts containers in the blink of an eye',
  groups: [
    { name: 'completion', short: 'Print a script that completes commands in a shell' },
    { name: 'container', short: 'Manage containers' },
    { name: 'image', short: 'Manage images' },
    { name: 'manifest', short: 'Manage image manifests and manifest lists' },
    { name: 'network', short: 'Manage networks' },
    { name: 'system', short: 'Manage Gantry' },
    { name: 'volume', short: 'Manage volumes' },
  ],
  commands: [
    ...containerCommands,
    ...imageCommands,
    ...manifestCommands,
    ...networkCommands,
    ...volumeCommands,
    ...registryCommands,
    ...systemCommands,
  ],
  globalFlags: [
    boolFlag('debug', 'Enable debug mode', { short: 'D' }),
    listFlag('host', 'Engine socket to connect to', { short: 'H' }),
    textFlag('log-level', 'Set the logging level ("debug", "info", "warn", "error", "fatal")', {
      short: 'l',
      default: '"info"',
    }),
    boolFlag('version', 'Print version information and quit', { short: 'v' }),
  ],
};
