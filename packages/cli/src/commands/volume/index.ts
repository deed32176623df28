import type { Command } from '../../command.ts';
import { createCommand } from './create.ts';
import { inspectCommand } from './inspect.ts';
import { listCommand } from './list.ts';
import { pruneCommand } from './prune.ts';
import { removeCommand } from './remove.ts';

/** `gantry volume …`, in order of name. */
export const volumeCommands: readonly Command[] = [
  createCommand,
  inspectCommand,
  listCommand,
  pruneCommand,
  removeCommand,
];
