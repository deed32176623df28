import { array, bool, field, object, optional, record, text } from '../codec/codec.ts';
import { endpointConfig } from './create-request.ts';

const ipamPool = object({
  subnet: field('Subnet', text, 'omit'),
  ipRange: field('IPRange', text, 'omit'),
  gateway: field('Gateway', text, 'omit'),
  auxAddresses: field('AuxiliaryAddresses', record(text), 'omit'),
});

/** The body of a network's creation. `EnableIPv4` absent means yes, as clients before 1.48 do not know it. */
export const networkCreateBody = object({
  name: field('Name', text),
  driver: field('Driver', text),
  scope: field('Scope', text, 'omit'),
  enableIpv4: field('EnableIPv4', optional(bool), 'omit'),
  enableIpv6: field('EnableIPv6', optional(bool), 'omit'),
  ipam: field(
    'IPAM',
    optional(
      object({
        driver: field('Driver', text),
        options: field('Options', record(text)),
        pools: field('Config', array(ipamPool)),
      }),
    ),
  ),
  internal: field('Internal', bool),
  attachable: field('Attachable', bool),
  ingress: field('Ingress', bool),
  configOnly: field('ConfigOnly', bool),
  configFrom: field('ConfigFrom', optional(object({ network: field('Network', text) }))),
  options: field('Options', record(text)),
  labels: field('Labels', record(text)),
});

export const networkConnectBody = object({
  container: field('Container', text),
  endpoint: field('EndpointConfig', optional(endpointConfig), 'omit'),
});

export const networkDisconnectBody = object({ container: field('Container', text), force: field('Force', bool) });
