import { type Attributes, type NetlinkMessage, parseAttributes, readText, readU32, viewOf } from './reader.ts';
import { type MessageWriter, messageFlag } from './writer.ts';

/** rtnetlink message types of links. */
export const linkMessage = { new: 16, delete: 17, get: 18 } as const;

export const linkFlag = { up: 1, loopback: 8 } as const;

const attribute = {
  address: 1,
  name: 3,
  mtu: 4,
  master: 10,
  linkInfo: 18,
  alias: 20,
  netnsFd: 28,
  txQueues: 31,
  rxQueues: 32,
} as const;
const info = { kind: 1, data: 2, slaveKind: 4, slaveData: 5 } as const;
const vethPeer = 1;

type InterfaceHeader = {
  readonly index?: number;
  readonly flags?: number;
  readonly change?: number;
};

function interfaceHeader(writer: MessageWriter, header: InterfaceHeader): void {
  writer
    .u32(0)
    .u32(header.index ?? 0)
    .u32(header.flags ?? 0)
    .u32(header.change ?? 0);
}

const createFlags = messageFlag.request | messageFlag.acknowledge | messageFlag.create | messageFlag.exclusive;
const plainFlags = messageFlag.request | messageFlag.acknowledge;

/** Makes a bridge, down. @param mac its address for life: without one it follows its ports and changes under containers */
export function createBridge(writer: MessageWriter, bridge: { name: string; mac: Uint8Array; mtu: number }): void {
  writer.message(linkMessage.new, createFlags, () => {
    interfaceHeader(writer, {});
    writer.attributeText(attribute.name, bridge.name);
    writer.attribute(attribute.address, bridge.mac);
    if (bridge.mtu > 0) writer.attributeU32(attribute.mtu, bridge.mtu);
    writer.nest(attribute.linkInfo, () => writer.attributeText(info.kind, 'bridge'));
  });
}

export type VethPair = {
  /** The end that is made in the socket's own namespace. */
  readonly name: string;
  /** Its index, chosen by the caller so that addresses can name it in the same batch; 0 lets the kernel choose. */
  readonly index: number;
  readonly mac: Uint8Array;
  readonly mtu: number;
  readonly peerName: string;
  /** Descriptor of the network namespace that gets the peer. A plan patches it in: see the returned offset. */
  readonly peerNetnsFd: number;
};

/**
 * Makes a veth pair, both ends down, the peer in another namespace.
 *
 * One queue a side: the kernel's default is one for each possible CPU, which costs time and memory for every
 * container and serves only XDP.
 *
 * @returns the offset of the four bytes that hold the peer's namespace descriptor
 */
export function createVeth(writer: MessageWriter, pair: VethPair): number {
  let patchOffset = 0;
  const queues = (): void => {
    writer.attributeU32(attribute.txQueues, 1).attributeU32(attribute.rxQueues, 1);
    if (pair.mtu > 0) writer.attributeU32(attribute.mtu, pair.mtu);
  };
  writer.message(linkMessage.new, createFlags, () => {
    interfaceHeader(writer, { index: pair.index });
    writer.attributeText(attribute.name, pair.name);
    writer.attribute(attribute.address, pair.mac);
    queues();
    writer.nest(attribute.linkInfo, () => {
      writer.attributeText(info.kind, 'veth');
      writer.nest(info.data, () => {
        writer.nest(vethPeer, () => {
          interfaceHeader(writer, {});
          writer.attributeText(attribute.name, pair.peerName);
          queues();
          writer.attributeU32(attribute.netnsFd, pair.peerNetnsFd);
          patchOffset = writer.length - 4;
        });
      });
    });
  });
  return patchOffset;
}

export type LinkChange = {
  /** By name or by index. */
  readonly name?: string;
  readonly index?: number;
  readonly up?: boolean;
  readonly mtu?: number;
  readonly mac?: Uint8Array;
  /** Index of the bridge to join. */
  readonly master?: number;
  readonly newName?: string;
  /** A note on the link that other programs show; at most 255 bytes. */
  readonly alias?: string;
};

/** Changes a link. Kernels from 6.5 on enslave before they bring up, so a port never lives for itself. */
export function changeLink(writer: MessageWriter, change: LinkChange): void {
  writer.message(linkMessage.new, plainFlags, () => {
    const flags = change.up === undefined ? {} : { flags: change.up ? linkFlag.up : 0, change: linkFlag.up };
    interfaceHeader(writer, { index: change.index ?? 0, ...flags });
    const name = change.newName ?? change.name;
    if (name !== undefined) writer.attributeText(attribute.name, name);
    if (change.mac !== undefined) writer.attribute(attribute.address, change.mac);
    if (change.mtu !== undefined) writer.attributeU32(attribute.mtu, change.mtu);
    if (change.alias !== undefined) writer.attributeText(attribute.alias, change.alias);
    if (change.master !== undefined) writer.attributeU32(attribute.master, change.master);
  });
}

/** Bridge port options. `hairpin`: frames may leave by the port they came from; `isolated`: not to other isolated ports. */
export type PortOptions = { readonly hairpin: boolean; readonly isolated: boolean };
const portOption = { mode: 4, isolated: 33 } as const;

/** Sets the options of a link that is a bridge's port already. By name, since a plan cannot know the index. */
export function changeBridgePort(writer: MessageWriter, name: string, options: PortOptions): void {
  writer.message(linkMessage.new, plainFlags, () => {
    interfaceHeader(writer, {});
    writer.attributeText(attribute.name, name);
    writer.nest(attribute.linkInfo, () => {
      writer.attributeText(info.slaveKind, 'bridge');
      writer.nest(info.slaveData, () => {
        writer.attributeU8(portOption.mode, options.hairpin ? 1 : 0);
        writer.attributeU8(portOption.isolated, options.isolated ? 1 : 0);
      });
    });
  });
}

export function deleteLink(writer: MessageWriter, link: { name: string } | { index: number }): void {
  writer.message(linkMessage.delete, plainFlags, () => {
    interfaceHeader(writer, { index: 'index' in link ? link.index : 0 });
    if ('name' in link) writer.attributeText(attribute.name, link.name);
  });
}

export function getLink(writer: MessageWriter, name: string): void {
  writer.message(linkMessage.get, messageFlag.request, () => {
    interfaceHeader(writer, {});
    writer.attributeText(attribute.name, name);
  });
}

/**
 * Asks for a link inside a batch that waits for acknowledgements only.
 *
 * A link that has just got its carrier passes packets only after the kernel's link watch has come round, which may take
 * a second; being asked about the link makes it come at once (Linux 6.9).
 */
export function wakeLink(writer: MessageWriter, link: { name: string } | { index: number }): void {
  writer.message(linkMessage.get, plainFlags, () => {
    interfaceHeader(writer, { index: 'index' in link ? link.index : 0 });
    if ('name' in link) writer.attributeText(attribute.name, link.name);
  });
}

export function dumpLinks(writer: MessageWriter): void {
  writer.message(linkMessage.get, messageFlag.request | messageFlag.dump, () => interfaceHeader(writer, {}));
}

export type Link = {
  readonly index: number;
  readonly name: string;
  readonly kind: string;
  readonly up: boolean;
  readonly loopback: boolean;
  readonly mtu: number;
  readonly mac: Uint8Array;
  /** Index of its bridge; 0: none. */
  readonly master: number;
  readonly alias: string;
};

/** Reads the answer of getLink or one entry of dumpLinks; undefined for another message. */
export function parseLink(message: NetlinkMessage): Link | undefined {
  if (message.type !== linkMessage.new || message.body.length < 16) return undefined;
  const view = viewOf(message.body);
  const attributes = parseAttributes(message.body, 16);
  const flags = view.getUint32(8, true);
  return {
    index: view.getInt32(4, true),
    name: readText(attributes.get(attribute.name)),
    kind: kindOf(attributes),
    up: (flags & linkFlag.up) !== 0,
    loopback: (flags & linkFlag.loopback) !== 0,
    mtu: readU32(attributes.get(attribute.mtu)),
    mac: attributes.get(attribute.address)?.slice() ?? new Uint8Array(0),
    master: readU32(attributes.get(attribute.master)),
    alias: readText(attributes.get(attribute.alias)),
  };
}

function kindOf(attributes: Attributes): string {
  const linkInfo = attributes.get(attribute.linkInfo);
  return linkInfo === undefined ? '' : readText(parseAttributes(linkInfo).get(info.kind));
}
