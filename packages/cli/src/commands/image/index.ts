import type { Command } from '../../command.ts';
import { historyCommand } from './history.ts';
import { importCommand } from './import.ts';
import { inspectCommand } from './inspect.ts';
import { listCommand } from './list.ts';
import { loadCommand } from './load.ts';
import { pruneCommand } from './prune.ts';
import { pullCommand } from './pull.ts';
import { removeCommand } from './remove.ts';
import { tagCommand } from './tag.ts';

/** `gantry image …` and its short spellings, in order of name. */
export const imageCommands: readonly Command[] = [
  historyCommand,
  importCommand,
  inspectCommand,
  loadCommand,
  listCommand,
  pruneCommand,
  pullCommand,
  removeCommand,
  tagCommand,
];
