import {
  hookPriority,
  installTable,
  keyPart,
  MessageWriter,
  NetlinkSocket,
  netlinkFamily,
  parseIp,
  TableBatch,
  type TableName,
} from '@gantry/net';
import { embeddedServer } from './resolv-conf.ts';

const table: TableName = { family: 'ip', name: 'gantry-dns' };
const protocol = { tcp: 6, udp: 17 } as const;

/**
 * Leads 127.0.0.11:53 of the thread's network namespace to the ports that the embedded DNS really listens on. Port 53
 * itself is left to the container, which may run a DNS server of its own on all addresses.
 */
export function redirectDns(ports: { readonly udp: number; readonly tcp: number }): void {
  using socket = new NetlinkSocket(netlinkFamily.netfilter);
  installTable(socket, 'lead DNS queries to the engine', (as) => redirectBatch(as, ports));
}

function redirectBatch(as: 'fresh' | 'replacement', ports: { readonly udp: number; readonly tcp: number }): Uint8Array {
  const batch = new TableBatch(new MessageWriter(), table).startTable(as);
  const hook = { type: 'nat', hook: 'output', priority: hookPriority.dstnat, policy: 'accept' } as const;
  batch.addChain({ name: 'output', hook });
  for (const name of ['udp', 'tcp'] as const) {
    const address = parseIp(embeddedServer);
    if (address === undefined) throw new Error('unreachable: the server has no address');
    const target = keyPart.ip(address);
    batch.addRule('output', [
      { do: 'payload', base: 'network', offset: 16, length: 4, to: 1 },
      { do: 'compare', register: 1, equal: true, value: target },
      { do: 'meta', key: 'l4proto', to: 1 },
      { do: 'compare', register: 1, equal: true, value: keyPart.protocol(protocol[name]) },
      { do: 'payload', base: 'transport', offset: 2, length: 2, to: 1 },
      { do: 'compare', register: 1, equal: true, value: keyPart.port(53) },
      { do: 'load', to: 1, value: target },
      { do: 'load', to: 2, value: keyPart.port(ports[name]) },
      { do: 'nat', kind: 'destination', family: 4, address: 1, port: 2 },
    ]);
  }
  return batch.finish();
}
