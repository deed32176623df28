import { array, field, int, mapped, object, optional, record, text } from '../codec/codec.ts';
import { containerConfigFields } from './container-config.ts';
import { hostConfig } from './host-config.ts';

const ipamConfig = object({
  ipv4Address: field('IPv4Address', text, 'omit'),
  ipv6Address: field('IPv6Address', text, 'omit'),
  linkLocalIps: field('LinkLocalIPs', array(text), 'omit'),
});

/** What a user asks of one attachment to a network. Docker keeps the addresses one level deeper, under IPAMConfig. */
export const endpointConfig = mapped(
  object({
    ipam: field('IPAMConfig', optional(ipamConfig)),
    links: field('Links', array(text), 'null'),
    aliases: field('Aliases', array(text), 'null'),
    macAddress: field('MacAddress', text),
    driverOpts: field('DriverOpts', record(text), 'null'),
    gwPriority: field('GwPriority', int),
  }),
  ({ ipam, ...rest }) => ({ ...(ipam ?? ipamConfig.zero), ...rest }),
  ({ ipv4Address, ipv6Address, linkLocalIps, ...rest }) => {
    const asked = ipv4Address !== '' || ipv6Address !== '' || linkLocalIps.length > 0;
    return { ...rest, ipam: asked ? { ipv4Address, ipv6Address, linkLocalIps } : undefined };
  },
);

/**
 * The body of a container's creation. Docker's members of Config stand at the top; HostConfig and NetworkingConfig
 * stand beside them.
 */
export const createBody = mapped(
  object({
    ...containerConfigFields,
    hostConfig: field('HostConfig', hostConfig),
    networking: field('NetworkingConfig', object({ endpoints: field('EndpointsConfig', record(endpointConfig)) })),
  }),
  ({ hostConfig: host, networking, ...config }) => ({ config, hostConfig: host, endpoints: networking.endpoints }),
  ({ config, hostConfig: host, endpoints }) => ({ ...config, hostConfig: host, networking: { endpoints } }),
);
