export const logLevels = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Values that stand beside a message. Never secrets: what is logged is read by more people than what is stored. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export type Log = { readonly [Level in Exclude<LogLevel, 'fatal'>]: (message: string, fields?: LogFields) => void };

/** One line of logfmt, as dockerd writes it, or of JSON. */
export function formatLogLine(
  format: 'text' | 'json',
  line: { at: Date; level: LogLevel; message: string; fields: LogFields },
): string {
  const time = line.at.toISOString();
  if (format === 'json') return JSON.stringify({ time, level: line.level, msg: line.message, ...line.fields });
  const words = Object.entries({ time, level: line.level, msg: line.message, ...line.fields });
  return words
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${quoted(String(value), name === 'msg')}`)
    .join(' ');
}

function quoted(value: string, always: boolean): string {
  return always || !/^[\w./:@+-]+$/.test(value) ? JSON.stringify(value) : value;
}

/** A log that writes whole lines, those below what `level` gives at that moment left out. */
export function openLog(options: {
  level: () => LogLevel;
  format: 'text' | 'json';
  write: (line: string) => void;
  now: () => Date;
}): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (logLevels.indexOf(level) < logLevels.indexOf(options.level())) return;
      options.write(`${formatLogLine(options.format, { at: options.now(), level, message, fields })}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
