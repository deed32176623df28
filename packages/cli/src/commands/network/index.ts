import type { Command } from '../../command.ts';
import { connectCommand, disconnectCommand } from './connect.ts';
import { createCommand } from './create.ts';
import { inspectCommand } from './inspect.ts';
import { listCommand } from './list.ts';
import { pruneCommand } from './prune.ts';
import { removeCommand } from './remove.ts';

/** `gantry network …`, in order of name. */
export const networkCommands: readonly Command[] = [
  connectCommand,
  createCommand,
  disconnectCommand,
  inspectCommand,
  listCommand,
  pruneCommand,
  removeCommand,
];
