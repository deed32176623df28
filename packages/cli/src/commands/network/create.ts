import { routes } from '@gantry/api';
import { boolFlag, type Command, listFlag, textFlag } from '../../command.ts';
import { checkLabel } from '../../request/environment.ts';
import { networkCreateRequest } from '../../request/network-create.ts';

const map = { type: 'map', default: 'map[]' } as const;

export const createCommand: Command = {
  usage: '[OPTIONS] NETWORK',
  flags: [
    boolFlag('attachable', 'Let containers attach by hand'),
    listFlag('aux-address', 'Addresses that the driver uses itself', map),
    textFlag('config-from', 'Network whose configuration to copy'),
    boolFlag('config-only', 'Create a configuration, not a network'),
    textFlag('driver', 'Driver of the network', { short: 'd', default: '"bridge"' }),
    listFlag('gateway', 'Gateway of the subnet, IPv4 or IPv6', { type: 'strings' }),
    boolFlag('ingress', "Create swarm's routing-mesh network"),
    boolFlag('internal', 'Keep the network from the outside'),
    listFlag('ip-range', 'Take addresses of containers from this part', { type: 'strings' }),
    textFlag('ipam-driver', 'Driver of the address management', { default: '"default"' }),
    listFlag('ipam-opt', 'Options of the address management', map),
    boolFlag('ipv4', 'Give out IPv4 addresses', { default: 'true' }),
    boolFlag('ipv6', 'Give out IPv6 addresses'),
    listFlag('label', 'Set metadata on a network', { check: checkLabel }),
    listFlag('opt', 'Options of the driver', { short: 'o', ...map }),
    textFlag('scope', 'Scope of the network'),
    listFlag('subnet', 'Subnet of the network in CIDR notation', { type: 'strings' }),
  ],
  arity: { min: 1, max: 1 },
  run: async ({ session, flags, words }) => {
    const body = networkCreateRequest(flags, words[0] ?? '');
    const created = await session.engine.call(routes.networkCreate, { body });
    if (created.Warning) session.err.line(`WARNING: ${created.Warning}`);
    session.out.line(created.Id);
  },
};
