import { listAttributes, type NetlinkMessage, parseAttributes, readBe32, readText, viewOf } from '../netlink/reader.ts';
import { type MessageWriter, messageFlag } from '../netlink/writer.ts';
import { netfilterHeader, type TableName, tableMessage } from './batch.ts';

const subsystem = 10 << 8;
const familyNumber = { ip: 2, ip6: 10 } as const;

/** Asks for all tables of both families. */
export function dumpTables(writer: MessageWriter): void {
  writer.message(subsystem | tableMessage.getTable, messageFlag.request | messageFlag.dump, () =>
    netfilterHeader(writer, 0),
  );
}

/** Reads one entry of dumpTables; undefined for another family. */
export function parseTable(reply: NetlinkMessage): TableName | undefined {
  if (reply.type !== (subsystem | tableMessage.newTable)) return undefined;
  const family = reply.body[0] === 2 ? 'ip' : reply.body[0] === 10 ? 'ip6' : undefined;
  return family === undefined ? undefined : { family, name: readText(parseAttributes(reply.body, 4).get(1)) };
}

/** Asks for the elements of a set or map. @throws (at the dump) ENOENT when there is no such set */
export function dumpElements(writer: MessageWriter, table: TableName, set: string): void {
  writer.message(subsystem | tableMessage.getElement, messageFlag.request | messageFlag.dump, () => {
    netfilterHeader(writer, familyNumber[table.family]);
    writer.attributeText(1, table.name).attributeText(2, set);
  });
}

/** An element's bytes; data is undefined in a set. */
export type DumpedElement = { readonly key: Uint8Array; readonly data: Uint8Array | undefined };

/** Reads the elements of one message of dumpElements. */
export function parseElements(reply: NetlinkMessage): DumpedElement[] {
  if (reply.type !== (subsystem | tableMessage.newElement)) return [];
  const list = parseAttributes(reply.body, 4).get(3);
  if (list === undefined) return [];
  return listAttributes(list).map(([, element]) => {
    const attributes = parseAttributes(element);
    return { key: value(attributes.get(1)) ?? new Uint8Array(0), data: value(attributes.get(2)) };
  });
}

function value(data: Uint8Array | undefined): Uint8Array | undefined {
  return data === undefined ? undefined : parseAttributes(data).get(1)?.slice();
}

/** Asks for the number that every change of the ruleset raises. */
export function getGeneration(writer: MessageWriter): void {
  writer.message(subsystem | tableMessage.getGeneration, messageFlag.request, () => netfilterHeader(writer, 0));
}

export function parseGeneration(reply: NetlinkMessage): number {
  return readBe32(parseAttributes(reply.body, 4).get(1));
}

/** Asks for the rules of a chain. @throws (at the dump) ENOENT when there is no such chain */
export function dumpRules(writer: MessageWriter, table: TableName, chain: string): void {
  writer.message(subsystem | tableMessage.getRule, messageFlag.request | messageFlag.dump, () => {
    netfilterHeader(writer, familyNumber[table.family]);
    writer.attributeText(1, table.name).attributeText(2, chain);
  });
}

/** A rule by its handle, with the comment it was given. */
export type DumpedRule = { readonly chain: string; readonly handle: bigint; readonly comment: string };

export function parseRule(reply: NetlinkMessage): DumpedRule | undefined {
  if (reply.type !== (subsystem | tableMessage.newRule)) return undefined;
  const attributes = parseAttributes(reply.body, 4);
  const handle = attributes.get(3);
  const userData = attributes.get(7);
  return {
    chain: readText(attributes.get(2)),
    handle: handle === undefined || handle.length < 8 ? 0n : viewOf(handle).getBigUint64(0, false),
    comment: userData?.[0] === 0 ? readText(userData.subarray(2)) : '',
  };
}

/** Asks for all chains of a family: whether a base chain of somebody else drops what we forward. */
export function dumpChains(writer: MessageWriter, family: TableName['family']): void {
  writer.message(subsystem | tableMessage.getChain, messageFlag.request | messageFlag.dump, () =>
    netfilterHeader(writer, familyNumber[family]),
  );
}

export type DumpedChain = {
  readonly table: string;
  readonly name: string;
  /** undefined for a chain without hook. */
  readonly hook: { readonly number: number; readonly priority: number; readonly policy: 'accept' | 'drop' } | undefined;
};

export function parseChain(reply: NetlinkMessage): DumpedChain | undefined {
  if (reply.type !== (subsystem | tableMessage.newChain)) return undefined;
  const attributes = parseAttributes(reply.body, 4);
  const hook = attributes.get(4);
  const at = hook === undefined ? undefined : parseAttributes(hook);
  return {
    table: readText(attributes.get(1)),
    name: readText(attributes.get(3)),
    hook:
      at === undefined
        ? undefined
        : {
            number: readBe32(at.get(1)),
            priority: readBe32(at.get(2)) | 0,
            policy: readBe32(attributes.get(5)) === 0 ? 'drop' : 'accept',
          },
  };
}
