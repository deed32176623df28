import type { FlagSpec, ParsedFlags } from '@gantry/base';
import type { Session } from './session.ts';

/** A flag with everything that help and completion print of it. */
export type Flag = FlagSpec & {
  readonly usage: string;
  /** Name of the value's type in help: `list`, `string`, `bytes`; absent for `bool`. */
  readonly type?: string;
  /** Help's `(default …)`, without the word, as Go prints it: `"missing"`, `true`, `[]`. */
  readonly default?: string;
  readonly hidden?: boolean;
  /** What to use instead; a hidden flag that still works and says so. */
  readonly deprecated?: string;
  /** Words to offer after the flag. */
  readonly choices?: readonly string[];
  /** Looks at one value as it is parsed. @throws Error whose message pflag's sentence ends with */
  readonly check?: (value: string) => void;
};

/** How many words that are not flags a command takes. */
export type Arity = { readonly min: number; readonly max: number };

/** What completes a command's words. */
export type WordKind = 'container' | 'image' | 'network' | 'volume' | 'file' | 'none';

/**
 * A row of the command table: what lists show of a command, and where the rest of it is.
 *
 * The rest is loaded when the command is called: evaluating every command's flags would cost each call a millisecond.
 */
export type CommandRow = {
  /** Spellings in Docker's order, `container run` before `run`; the first of each depth is the one that help shows. */
  readonly names: readonly [string, ...string[]];
  readonly short: string;
  readonly hidden?: boolean;
  load(): Promise<Command>;
};

/** A command itself: the parser, help and completion read its data; `run` acts. Words are everything after the flags. */
export type Command = {
  /** What follows the name in the usage line: `[OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  readonly usage: string;
  /** Instead of the row's `short` on the command's own page. */
  readonly long?: string;
  readonly flags: readonly Flag[];
  readonly arity: Arity;
  readonly words?: WordKind;
  /** False: the first word ends the flags, as everything after IMAGE belongs to the container. */
  readonly interspersed?: boolean;
  /** Its words are taken as they are, flags included. */
  readonly isRaw?: boolean;
  /** @returns the exit code; nothing is 0 */
  run(call: Invocation): Promise<number> | Promise<void>;
};

/** A command as called: its flags and words, and what it may use. */
export type Invocation = {
  readonly session: Session;
  readonly flags: ParsedFlags;
  readonly words: readonly string[];
  /** `gantry container run`, as typed, for "Run 'x --help'". */
  readonly calledAs: string;
};

/** A group of commands, `gantry container`. */
export type CommandGroup = { readonly name: string; readonly short: string };

export const anyNumber = Number.POSITIVE_INFINITY;

/** A switch. */
export function boolFlag(name: string, usage: string, extra: Partial<Flag> = {}): Flag {
  return { name, kind: 'bool', usage, ...extra };
}

/** A flag with one text; the last one given counts. */
export function textFlag(name: string, usage: string, extra: Partial<Flag> = {}): Flag {
  return { name, kind: 'string', type: 'string', usage, ...extra };
}

/** A flag that may be given again and again. */
export function listFlag(name: string, usage: string, extra: Partial<Flag> = {}): Flag {
  return { name, kind: 'list', type: 'list', usage, ...extra };
}

/** A whole number. */
export function intFlag(name: string, usage: string, extra: Partial<Flag> = {}): Flag {
  return { name, kind: 'int', type: 'int', usage, ...extra };
}
