import { close, open, openFlag } from '@gantry/native';
import {
  addRoute,
  deleteRoute,
  dumpLinks,
  dumpRoutes,
  type IpAddress,
  isNetlinkError,
  mainTable,
  NetlinkSocket,
  netlinkFamily,
  parseLink,
  parseRoute,
} from '@gantry/net';
import { type HostLinks, writeSysctl } from './host-links.ts';
import { inNetworkNamespace } from './in-network-namespace.ts';
import { firstIndex, insideMessages, interfaceDefaults, outsideMessages, type Wire, wakeMessages } from './wire.ts';

/**
 * The same links as a plan makes, made in the namespace of a running container: first inside, then on the host.
 *
 * @throws NetlinkError; links that were made are gone with `HostLinks.deleteLink(wire.hostLink)`
 */
export function wireLive(links: HostLinks, namespacePath: string, planned: Wire): void {
  const wire = { ...planned, index: wireInside(namespacePath, planned) };
  links.request(`join interface "${wire.name}" to its bridge`, outsideMessages(wire));
  inNetworkNamespace(namespacePath, () => {
    using socket = new NetlinkSocket(netlinkFamily.route);
    socket.request(`wake interface "${wire.name}"`, wakeMessages(wire));
  });
}

/** @returns the index that was free for the interface */
function wireInside(namespacePath: string, wire: Wire): number {
  const home = open('/proc/thread-self/ns/net', openFlag.readOnly);
  try {
    return inNetworkNamespace(namespacePath, () => {
      using socket = new NetlinkSocket(netlinkFamily.route);
      for (const [path, value] of interfaceDefaults(wire.enableIpv6)) writeSysctl(path, value);
      const index = freeIndex(socket);
      const { messages, patch } = insideMessages({ ...wire, index }, false);
      new DataView(messages.buffer, messages.byteOffset).setUint32(patch, home, true);
      socket.request(`connect interface "${wire.name}"`, messages);
      for (const [path, value] of Object.entries(wire.sysctls)) writeSysctl(`/proc/sys/${path}`, value);
      return index;
    });
  } finally {
    close(home);
  }
}

function freeIndex(socket: NetlinkSocket): number {
  const links = socket.dump('list links', dumpLinks).flatMap((message) => parseLink(message) ?? []);
  return Math.max(firstIndex - 1, ...links.map(({ index }) => index)) + 1;
}

/** Makes the default route of a family lead to a gateway, or to nowhere. */
export function setDefaultRoute(namespacePath: string, family: 4 | 6, gateway: IpAddress | undefined): void {
  inNetworkNamespace(namespacePath, () => {
    using socket = new NetlinkSocket(netlinkFamily.route);
    const routes = socket.dump('list routes', dumpRoutes).flatMap((message) => parseRoute(message) ?? []);
    const old = routes.filter(
      (route) => route.family === family && route.table === mainTable && route.destination === undefined,
    );
    if (old.length === 1 && old[0]?.gateway?.value === gateway?.value) return;
    for (const route of old) forgetRoute(socket, route);
    if (gateway === undefined) return;
    const route = { family, destination: undefined, gateway, index: 0 };
    socket.request('set the default route', (writer) => addRoute(writer, route));
  });
}

function forgetRoute(socket: NetlinkSocket, route: Parameters<typeof deleteRoute>[1]): void {
  try {
    socket.request('drop the default route', (writer) => deleteRoute(writer, route));
  } catch (error) {
    // It went with its link, or the container dropped it itself.
    if (!isNetlinkError(error, 'ESRCH')) throw error;
  }
}
