import { appendFileSync } from 'node:fs';
import { EngineError, messageOf } from '@gantry/base';

/** Where a command says what went wrong, for those who read it by program: containerd and podman name a file. */
export type CommandLog = {
  debug(text: string): void;
  warn(text: string): void;
  /** @param hint how to mend it: for a person, so it goes to no file */
  error(text: string, hint?: string): void;
};

export type LogOptions = {
  /** undefined: stderr alone. */
  readonly path: string | undefined;
  readonly format: 'text' | 'json';
  readonly debug: boolean;
  readonly now: () => Date;
};

/**
 * Opens the log of one command. Entries are runc's: `time="…" level=error msg="…"`, or the same as a JSON object.
 *
 * With a file, stderr has an error's bare text besides. @throws invalid when the file cannot be written
 */
export function openCommandLog({ path, format, debug, now }: LogOptions): CommandLog {
  const print = (text: string): void => void process.stderr.write(`${text}\n`);
  const write = (line: string): void => (path === undefined ? print(line) : append(path, line));
  const record = (level: string, text: string): void => write(formatEntry({ level, msg: text, time: now() }, format));
  if (path !== undefined) append(path, '');
  return {
    debug: (text) => {
      if (debug) record('debug', text);
    },
    warn: (text) => record('warning', text),
    error: (text, hint) => {
      if (path !== undefined || format === 'json') record('error', text);
      if (path !== undefined) print(text);
      else if (format === 'text') print(`gantry runtime: ${text}${hint === undefined ? '' : `\ntry: ${hint}`}`);
    },
  };
}

function append(path: string, line: string): void {
  try {
    appendFileSync(path, line === '' ? '' : `${line}\n`, { mode: 0o644 });
  } catch (cause) {
    throw new EngineError('invalid', `cannot write log "${path}": ${messageOf(cause)}`, { cause });
  }
}

type Entry = { readonly level: string; readonly msg: string; readonly time: Date };

/** Prints one entry as logrus does, whose two formats the callers of OCI runtimes parse. */
export function formatEntry({ level, msg, time }: Entry, format: 'text' | 'json'): string {
  const moment = time.toISOString().replace(/\.\d+Z$/, 'Z');
  if (format === 'json') return JSON.stringify({ level, msg, time: moment });
  return `time="${moment}" level=${level} msg=${/^[\w\-./@^+]+$/.test(msg) ? msg : JSON.stringify(msg)}`;
}
