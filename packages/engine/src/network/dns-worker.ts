import type { DnsCommand, DnsReply } from './dns-protocol.ts';
import { DnsServer } from './dns-server.ts';
import { NameTable } from './name-table.ts';

/**
 * The thread of the embedded DNS. It is one of its own because it enters containers' network namespaces, and because a
 * container that asks without end shall keep nobody else waiting.
 */
declare const self: Worker;

const names = new NameTable();
const servers = new Map<string, DnsServer>();

self.onmessage = (event: MessageEvent<DnsCommand>) => {
  const command = event.data;
  switch (command.do) {
    case 'put':
      names.put(command.entry);
      break;
    case 'drop':
      names.drop(command.networkId, command.containerId);
      break;
    case 'serve':
      void serve(command).then((error) => {
        self.postMessage({ request: command.request, error } satisfies DnsReply);
      });
      break;
    case 'sync':
      self.postMessage({ request: command.request, error: undefined } satisfies DnsReply);
      break;
    case 'update': {
      const server = servers.get(command.service.containerId);
      if (server !== undefined) server.service = command.service;
      break;
    }
    case 'end':
      servers.get(command.containerId)?.close();
      servers.delete(command.containerId);
      break;
  }
};

async function serve({ service, pid }: Extract<DnsCommand, { do: 'serve' }>): Promise<string | undefined> {
  servers.get(service.containerId)?.close();
  const server = new DnsServer(service, names, pid);
  servers.set(service.containerId, server);
  try {
    await server.open();
    return undefined;
  } catch (error) {
    server.close();
    if (servers.get(service.containerId) === server) servers.delete(service.containerId);
    return error instanceof Error ? error.message : String(error);
  }
}
