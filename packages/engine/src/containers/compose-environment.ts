import type { ContainerConfig } from './types.ts';

/** Where commands are searched when the image says nothing. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The environment of a container's process: PATH, HOSTNAME and, with a terminal, TERM, then the container's own
 * variables, which take the place of a default of the same name. An entry without `=` removes the default.
 *
 * HOME comes later, from the container's own passwd file.
 */
export function composeEnvironment(
  config: Pick<ContainerConfig, 'env' | 'tty' | 'domainname'>,
  hostname: string,
): readonly string[] {
  const fullName = config.domainname === '' ? hostname : `${hostname}.${config.domainname}`;
  const byKey = new Map<string, string>([
    ['PATH', `PATH=${defaultPath}`],
    ['HOSTNAME', `HOSTNAME=${fullName}`],
    ...(config.tty ? [['TERM', 'TERM=xterm'] as const] : []),
  ]);
  for (const entry of config.env) {
    const equals = entry.indexOf('=');
    if (equals < 0) byKey.delete(entry);
    else byKey.set(entry.slice(0, equals), entry);
  }
  return [...byKey.values()];
}
