import { endpointConfig, routes } from '@gantry/api';
import { flagBool, flagInt, flagList, flagText } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation, intFlag, listFlag, textFlag } from '../../command.ts';
import { cutPair } from '../../request/csv.ts';
import { checkLink } from '../../request/devices.ts';

export const connectCommand: Command = {
  usage: '[OPTIONS] NETWORK CONTAINER',
  flags: [
    listFlag('alias', 'Another name of the container on the network', { type: 'strings' }),
    listFlag('driver-opt', "Options of the network's driver", { type: 'strings' }),
    intFlag('gw-priority', 'The highest gives the default gateway; may be negative'),
    textFlag('ip', 'IPv4 address (e.g., "172.30.100.104")'),
    textFlag('ip6', 'IPv6 address (e.g., "2001:db8::33")'),
    listFlag('link', 'Link to another container', { check: checkLink }),
    listFlag('link-local-ip', 'Link-local address of the container', { type: 'strings' }),
  ],
  arity: { min: 2, max: 2 },
  words: 'network',
  run: connect,
};

async function connect({ session, flags, words }: Invocation): Promise<void> {
  const [id = '', container = ''] = words;
  const split = (name: string): string[] => flagList(flags, name).flatMap((text) => text.split(','));
  const endpoint = {
    ...endpointConfig.zero,
    ipv4Address: flagText(flags, 'ip') ?? '',
    ipv6Address: flagText(flags, 'ip6') ?? '',
    linkLocalIps: split('link-local-ip'),
    links: flagList(flags, 'link'),
    aliases: split('alias'),
    driverOpts: Object.fromEntries(split('driver-opt').map((pair) => parseOption(pair))),
    gwPriority: flagInt(flags, 'gw-priority') ?? 0,
  };
  await session.engine.call(routes.networkConnect, { path: { id }, body: { container, endpoint } });
}

function parseOption(pair: string): readonly [string, string] {
  const [key, value] = cutPair(pair);
  if (value === undefined || key.trim() === '') throw new CliError('invalid key/value pair format in driver options');
  return [key.trim(), value.trim()];
}

export const disconnectCommand: Command = {
  usage: '[OPTIONS] NETWORK CONTAINER',
  flags: [boolFlag('force', 'Disconnect it whatever state it is in', { short: 'f' })],
  arity: { min: 2, max: 2 },
  words: 'network',
  run: async ({ session, flags, words }) => {
    const [id = '', container = ''] = words;
    const body = { container, force: flagBool(flags, 'force') };
    await session.engine.call(routes.networkDisconnect, { path: { id }, body });
  },
};
