import type { CommandRow } from './command-row.ts';
import { controlRows } from './control-rows.ts';
import { inspectRows } from './inspect-rows.ts';
import { launchRows } from './launch-rows.ts';

/** Every command by its name, in the order in which help lists them. */
export const runtimeCommands: Readonly<Record<string, CommandRow>> = { ...launchRows, ...controlRows, ...inspectRows };
