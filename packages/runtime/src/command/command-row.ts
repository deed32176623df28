import type { FlagSpec, ParsedFlags } from '@gantry/base';
import type { ContainerStore } from './container-store.ts';

/** A flag with the line that help prints for it; without one it is accepted and not shown. */
export type RuntimeFlag = FlagSpec & { readonly about?: string };

/** One command of `gantry runtime`, as runc has it. `words` are what stands beside the flags. */
export type CommandRow = {
  /** What follows `gantry runtime`, flags left out. */
  readonly usage: string;
  readonly about: string;
  readonly flags: readonly RuntimeFlag[];
  /** How many words it takes; the second is missing when any number may follow. */
  readonly words: readonly [least: number, most?: number];
  /** The words after the first one are another program's, flags and all. */
  readonly passesFlagsOn?: boolean;
  /** Not for users: help does not name it. */
  readonly isInternal?: boolean;
  /** The exit code when the command itself fails; 1 unless said. */
  readonly failureCode?: number;
  readonly run: (call: CommandCall) => Promise<number> | number;
};

export type CommandCall = {
  readonly store: ContainerStore;
  readonly flags: ParsedFlags;
  readonly words: readonly string[];
  /** The words that start `gantry runtime` once more. */
  readonly program: readonly string[];
  readonly print: (text: string) => void;
  /** Says what does not stop the command: to the log, as its errors. */
  readonly warn: (text: string) => void;
};

export const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
