import { EngineError } from '@gantry/base';
import { formatIp, parseIp } from '@gantry/net';

/** One line of a hosts file. */
export type HostEntry = { readonly address: string; readonly names: readonly string[] };

const localEntries: readonly HostEntry[] = [
  { address: '127.0.0.1', names: ['localhost'] },
  { address: '::1', names: ['localhost', 'ip6-localhost', 'ip6-loopback'] },
  { address: 'fe00::', names: ['ip6-localnet'] },
  { address: 'ff00::', names: ['ip6-mcastprefix'] },
  { address: 'ff02::1', names: ['ip6-allnodes'] },
  { address: 'ff02::2', names: ['ip6-allrouters'] },
];

const line = ({ address, names }: HostEntry): string => `${address}\t${names.join(' ')}\n`;

/** The hosts file of a container with a namespace of its own, in Docker's order: local, extra, links, itself. */
export function formatHostsFile(entries: {
  readonly extra: readonly HostEntry[];
  readonly links: readonly HostEntry[];
  readonly own: readonly HostEntry[];
}): string {
  return [...localEntries, ...entries.extra, ...entries.links, ...entries.own].map(line).join('');
}

/** The hosts file of a container that shares the host's network: the host's own, with what was asked for added. */
export function appendToHostsFile(host: string, extra: readonly HostEntry[]): string {
  const start = host === '' || host.endsWith('\n') ? host : `${host}\n`;
  return start + extra.map(line).join('');
}

/**
 * Reads `--add-host`: `name:address` or `name=address`, where `host-gateway` stands for the host as containers see it.
 *
 * @throws invalid
 */
export function parseExtraHosts(texts: readonly string[], hostGateways: () => readonly string[]): HostEntry[] {
  return texts.flatMap((text) => {
    const match = /^([^:=]+)[:=](.+)$/.exec(text);
    const [, name = '', target = ''] = match ?? [];
    if (name === '') throw new EngineError('invalid', `bad format for add-host: "${text}"`);
    if (target === 'host-gateway') {
      const gateways = hostGateways();
      if (gateways.length === 0) throw new EngineError('invalid', 'unable to derive the IP value for host-gateway');
      return gateways.map((address) => ({ address, names: [name] }));
    }
    const ip = parseIp(target.replace(/^\[(.*)\]$/, '$1'));
    if (ip === undefined || /[\s#]/.test(name))
      throw new EngineError('invalid', `invalid IP address in add-host: "${target}"`);
    return [{ address: formatIp(ip), names: [name] }];
  });
}
