import type { Act } from '@gantry/native';
import {
  addAddress,
  addNeighbour,
  addRoute,
  type Cidr,
  changeBridgePort,
  changeLink,
  createVeth,
  type IpAddress,
  MessageWriter,
  wakeLink,
} from '@gantry/net';

/** One endpoint as links and addresses: everything the kernel is told about it. */
export type Wire = {
  /** Name of the host's end: unique on the host, recognisable as this engine's. */
  readonly hostLink: string;
  /** Name inside, `eth0`, and the index it gets there. */
  readonly name: string;
  readonly index: number;
  readonly mac: Uint8Array;
  readonly mtu: number;
  /** Index of the bridge on the host. */
  readonly bridge: number;
  readonly addresses: readonly Cidr[];
  /** Default gateways through this endpoint: at most one a family. */
  readonly gateways: readonly IpAddress[];
  readonly enableIpv6: boolean;
  readonly hairpin: boolean;
  readonly isolated: boolean;
  /** Paths below /proc/sys with their values, once the link exists. */
  readonly sysctls: Readonly<Record<string, string>>;
};

/**
 * Index of the first endpoint inside. Chosen here, so that one batch can make the link and give it addresses; far
 * above what kernels make by themselves in a new namespace (lo, sit0, tunl0, …).
 */
export const firstIndex = 100;
const loopbackIndex = 1;

const register = { hostSocket: 200, insideSocket: 201, hostNamespace: 202 } as const;
const routeFamily = 0;

/** What is sent inside the container's namespace; the four bytes at `patch` become a descriptor of the host's. */
export type InsideMessages = { readonly messages: Uint8Array; readonly patch: number };

/** Makes the pair (its other end on the host), gives addresses, brings up, routes. */
export function insideMessages(wire: Wire, withLoopback: boolean): InsideMessages {
  const writer = new MessageWriter();
  const patch = createVeth(writer, {
    name: wire.name,
    index: wire.index,
    mac: wire.mac,
    mtu: wire.mtu,
    peerName: wire.hostLink,
    peerNetnsFd: 0,
  });
  if (withLoopback) changeLink(writer, { index: loopbackIndex, up: true });
  for (const address of wire.addresses) addAddress(writer, wire.index, address);
  changeLink(writer, { index: wire.index, up: true });
  for (const gateway of wire.gateways)
    addRoute(writer, { family: gateway.family, destination: undefined, gateway, index: wire.index });
  return { messages: writer.finish(), patch };
}

/** Joins the host's end to the bridge and brings it up. Sent in the host's namespace. */
export function outsideMessages(wire: Wire): Uint8Array {
  const writer = new MessageWriter();
  changeLink(writer, { name: wire.hostLink, master: wire.bridge, up: true });
  if (wire.hairpin || wire.isolated)
    changeBridgePort(writer, wire.hostLink, { hairpin: wire.hairpin, isolated: wire.isolated });
  // An address may have had another owner a second ago, for whom the host is still waiting.
  for (const { address } of wire.addresses) addNeighbour(writer, { index: wire.bridge, ip: address, mac: wire.mac });
  wakeLink(writer, { name: wire.hostLink });
  wakeLink(writer, { index: wire.bridge });
  return writer.finish();
}

/** The last of three: the first packet of the container shall not wait for the kernel's link watch. */
export function wakeMessages(wire: Wire): Uint8Array {
  const writer = new MessageWriter();
  wakeLink(writer, { index: wire.index });
  return writer.finish();
}

/**
 * SAFETY: a network without IPv6 has none inside either: a link-local address would be a way round its rules
 * (CVE-2024-32473). And no container takes a router's word from its neighbours. Written before the link is made, since
 * it takes the defaults of that moment.
 */
export function interfaceDefaults(enableIpv6: boolean): readonly (readonly [path: string, value: string])[] {
  const directory = '/proc/sys/net/ipv6/conf/default';
  return enableIpv6
    ? [
        [`${directory}/disable_ipv6`, '0'],
        [`${directory}/accept_ra`, '0'],
      ]
    : [[`${directory}/disable_ipv6`, '1']];
}

const bytes = new TextEncoder();
const send = (socket: number, messages: Uint8Array): Act => ({
  verb: 'netlink',
  socket,
  messages,
  patchOffsets: new Uint8Array(0),
  patchReg: undefined,
});
const writeFile = (path: string, value: string): Act => ({ verb: 'writeFile', path, data: bytes.encode(value) });

/**
 * The acts that wire a new namespace from inside its own plan. In the parent: a socket and a descriptor of the host's
 * namespace. In the child: everything else, so that nothing is left behind when the plan fails half-way; the death of
 * the namespace takes the links along.
 */
export function wireActs(
  wires: readonly Wire[],
  kernelHasIpv6: boolean,
): { readonly parentActs: readonly Act[]; readonly childActs: readonly Act[] } {
  const inside: Act = { verb: 'netlinkSocket', family: routeFamily, reg: register.insideSocket };
  if (wires.length === 0) return { parentActs: [], childActs: [inside, loopbackAct()] };
  const childActs: Act[] = [inside];
  let ipv6: boolean | undefined;
  for (const [position, wire] of wires.entries()) {
    if (kernelHasIpv6 && ipv6 !== wire.enableIpv6)
      childActs.push(...interfaceDefaults(wire.enableIpv6).map(([path, value]) => writeFile(path, value)));
    ipv6 = wire.enableIpv6;
    const { messages, patch } = insideMessages(wire, position === 0);
    childActs.push({
      verb: 'netlink',
      socket: register.insideSocket,
      messages,
      patchOffsets: new Uint8Array(Uint32Array.of(patch).buffer),
      patchReg: register.hostNamespace,
    });
    childActs.push(send(register.hostSocket, outsideMessages(wire)));
    childActs.push(send(register.insideSocket, wakeMessages(wire)));
    childActs.push(...Object.entries(wire.sysctls).map(([path, value]) => writeFile(`/proc/sys/${path}`, value)));
  }
  return {
    parentActs: [
      { verb: 'netlinkSocket', family: routeFamily, reg: register.hostSocket },
      { verb: 'open', path: '/proc/self/ns/net', flags: 0, reg: register.hostNamespace },
    ],
    childActs,
  };
}

function loopbackAct(): Act {
  const writer = new MessageWriter();
  changeLink(writer, { index: loopbackIndex, up: true });
  return send(register.insideSocket, writer.finish());
}
