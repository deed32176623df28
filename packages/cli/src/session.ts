import type { CommandTable } from './command-table.ts';
import type { EngineChoice } from './engine-address.ts';
import type { EngineClient } from './engine-client.ts';
import type { Output } from './output.ts';

/** What a command may use of the world: constructed once, in `runCli`. */
export type Session = {
  /** How the program calls itself in messages: `gantry`. */
  readonly program: string;
  readonly version: string;
  /** The commands that there are, for completion to look up. */
  readonly table: CommandTable;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly out: Output;
  readonly err: Output;
  readonly choice: EngineChoice;
  readonly engine: EngineClient;
  readonly isDebug: boolean;
};
