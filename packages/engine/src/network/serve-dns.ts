import type { NetworkContext } from './context.ts';
import type { DnsService } from './dns-protocol.ts';
import { dnsOf } from './join.ts';

/** Makes 127.0.0.11 answer inside the namespace of a process; nothing when no network of the container needs it. */
export async function serveDns(context: NetworkContext, containerId: string, pid: number): Promise<void> {
  const service = dnsService(context, containerId);
  if (service !== undefined) await context.dns.serve(service, pid);
}

/** How a joined container's queries are answered, from its rows. */
export function dnsService(context: NetworkContext, containerId: string): DnsService | undefined {
  const request = context.store.joinRequest(containerId);
  if (request === undefined) return undefined;
  const joined = context.store.endpointsOfContainer(containerId).flatMap((endpoint) => {
    const network = context.networks.get(endpoint.networkId);
    return network === undefined || endpoint.endpointId === '' ? [] : [{ endpoint, network }];
  });
  return dnsOf(context, request, joined).service;
}
