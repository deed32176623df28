import { existsSync } from 'node:fs';

/** Of systemd's journal, for its own protocol. */
export const journalSocket = '/run/systemd/journal/socket';

const syslogSockets = ['/dev/log', '/var/run/syslog', '/var/run/log'];

/** The socket of the machine's own syslog; undefined when it has none. */
export function findLocalSyslog(): string | undefined {
  return syslogSockets.find((path) => existsSync(path));
}
