import type { Command } from '../../command.ts';
import { completionCommands } from './completion.ts';
import { diskUsageCommand } from './disk-usage.ts';
import { eventsCommand } from './events.ts';
import { infoCommand } from './info.ts';
import { inspectCommand } from './inspect.ts';
import { pruneCommand } from './prune.ts';
import { versionCommand } from './version.ts';

/** `gantry system …` and the commands that belong to no kind of object. */
export const systemCommands: readonly Command[] = [
  ...completionCommands,
  diskUsageCommand,
  eventsCommand,
  infoCommand,
  inspectCommand,
  pruneCommand,
  versionCommand,
];
