import type { Command } from '../../command.ts';
import { attachCommand } from './attach.ts';
import { createCommand } from './create.ts';
import { execCommand } from './exec.ts';
import { inspectCommand } from './inspect.ts';
import { listCommand } from './list.ts';
import { logsCommand } from './logs.ts';
import { portCommand } from './port.ts';
import { pruneCommand } from './prune.ts';
import { removeCommand } from './remove.ts';
import { renameCommand } from './rename.ts';
import { runCommand } from './run.ts';
import { killCommand, pauseCommand, unpauseCommand } from './signal.ts';
import { startCommand } from './start.ts';
import { statsCommand } from './stats.ts';
import { restartCommand, stopCommand } from './stop.ts';
import { topCommand } from './top.ts';
import { updateCommand } from './update.ts';
import { waitCommand } from './wait.ts';

/** `gantry container …` and its short spellings, in order of name. */
export const containerCommands: readonly Command[] = [
  attachCommand,
  createCommand,
  execCommand,
  inspectCommand,
  killCommand,
  logsCommand,
  listCommand,
  pauseCommand,
  portCommand,
  pruneCommand,
  renameCommand,
  restartCommand,
  removeCommand,
  runCommand,
  startCommand,
  statsCommand,
  stopCommand,
  topCommand,
  unpauseCommand,
  updateCommand,
  waitCommand,
];
