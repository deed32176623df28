import type { LogEntry, LogOrigin, SyslogFormat } from './types.ts';

const severity = { stdout: 6, stderr: 3 } as const;
/** RFC 5424, APP-NAME. */
const longestAppName = 48;

export type SyslogShape = {
  readonly facility: number;
  readonly format: SyslogFormat;
  /** RFC 5425: each message is preceded by its length, since TLS has no ends of messages. */
  readonly countsOctets: boolean;
};

/** @returns undefined for an empty line, of which syslog says nothing */
export function encodeSyslog(
  entry: LogEntry,
  { hostname, pid, tag }: Pick<LogOrigin, 'hostname' | 'pid' | 'tag'>,
  { facility, format, countsOctets }: SyslogShape,
): Uint8Array | undefined {
  if (entry.text === '') return undefined;
  const priority = `<${facility * 8 + severity[entry.stream]}>`;
  const head = {
    unix: () => `${priority}${stamp(entry.time)} ${tag}[${pid}]:`,
    rfc3164: () => `${priority}${stamp(entry.time)} ${hostname} ${tag}[${pid}]:`,
    rfc5424: () => `${priority}1 ${entry.time.slice(0, 19)}Z ${structured({ hostname, pid, tag })}`,
    rfc5424micro: () => `${priority}1 ${withMicroseconds(entry.time)} ${structured({ hostname, pid, tag })}`,
  }[format]();
  const message = Buffer.from(`${head} ${entry.text}\n`);
  const isStructured = format === 'rfc5424' || format === 'rfc5424micro';
  return countsOctets && isStructured ? Buffer.concat([Buffer.from(`${message.length} `), message]) : message;
}

function structured({ hostname, pid, tag }: { hostname: string; pid: number; tag: string }): string {
  return `${hostname} ${tag.slice(0, longestAppName)} ${pid} ${tag} -`;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** RFC 3164, 4.1.2: local time, and a blank before a day of one digit. */
function stamp(time: string): string {
  const date = new Date(`${time.slice(0, 19)}Z`);
  const two = (number: number): string => String(number).padStart(2, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${months[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${clock}`;
}

function withMicroseconds(time: string): string {
  const fraction = /\.(\d+)Z$/.exec(time)?.[1] ?? '';
  return `${time.slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, '0')}Z`;
}
