import { type MessageWriter, messageFlag } from '../netlink/writer.ts';
import { type Expression, type Verdict, writeData, writeExpression, writeVerdict } from './expression.ts';
import { joinKey, type KeyType, keyLength, keyTypeId } from './keys.ts';

export type TableFamily = 'ip' | 'ip6';
const familyNumber = { ip: 2, ip6: 10 } as const;

/** A table by family and name: what every message of a batch is about. */
export type TableName = { readonly family: TableFamily; readonly name: string };

/** Where a base chain hangs in the path of a packet. */
export type Hook = {
  readonly type: 'filter' | 'nat';
  readonly hook: keyof typeof hookNumber;
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
};
const hookNumber = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;

/** The usual priorities, by nft's names. */
export const hookPriority = { raw: -300, mangle: -150, dstnat: -100, filter: 0, srcnat: 100 } as const;

export type ChainSpec = { readonly name: string; readonly hook?: Hook };
export type SetSpec = {
  readonly name: string;
  readonly key: readonly KeyType[];
  /** A map's data: parts, or verdicts. */
  readonly data?: readonly KeyType[] | 'verdict';
};
/** Parts of a key, and of the data for a map. */
export type Element = {
  readonly key: readonly Uint8Array[];
  readonly data?: readonly Uint8Array[] | Verdict;
};

const subsystem = 10 << 8;
const message = {
  newTable: 0,
  getTable: 1,
  deleteTable: 2,
  newChain: 3,
  getChain: 4,
  newRule: 6,
  getRule: 7,
  deleteRule: 8,
  newSet: 9,
  getSet: 10,
  newElement: 12,
  getElement: 13,
  deleteElement: 14,
  getGeneration: 16,
} as const;

export { message as tableMessage };

const batchBegin = 16;
const batchEnd = 17;
const concatFlag = 0x80;
const mapFlag = 8;
const verdictType = 0xffffff00;

/** Writes `struct nfgenmsg`. */
export function netfilterHeader(writer: MessageWriter, family: number, resource = 0): void {
  writer
    .u8(family)
    .u8(0)
    .u8(resource >>> 8)
    .u8(resource & 255);
}

/**
 * A transaction on a table, or on several: all of it happens or nothing, and no packet sees half of it.
 *
 * One life: `begin` with a writer, any changes, `finish`; the bytes go through `NetlinkSocket.request`.
 */
export class TableBatch {
  readonly #writer: MessageWriter;
  #table: TableName;
  #setId = 0;

  constructor(writer: MessageWriter, table: TableName) {
    this.#writer = writer;
    this.#table = table;
    writer.message(batchBegin, messageFlag.request, () => netfilterHeader(writer, 0, 10));
  }

  /** What follows is about another table. */
  on(table: TableName): this {
    this.#table = table;
    return this;
  }

  #change(type: number, flags: number, body: () => void): void {
    this.#writer.message(subsystem | type, messageFlag.request | flags, () => {
      netfilterHeader(this.#writer, familyNumber[this.#table.family]);
      body();
    });
  }

  /** Makes the table, or nothing when it exists. */
  addTable(): this {
    this.#change(message.newTable, messageFlag.create, () => this.#writer.attributeText(1, this.#table.name));
    return this;
  }

  /**
   * Starts with a table that is empty: made new, or in the place of the one of that name.
   *
   * A transaction that drops anything waits 10 ms and more for all CPUs to pass by. So the first try is `fresh`, which
   * fails with EEXIST when there is a table, and only then comes the second.
   */
  startTable(as: 'fresh' | 'replacement'): this {
    if (as === 'replacement') return this.addTable().deleteTable().addTable();
    const flags = messageFlag.create | messageFlag.exclusive;
    this.#change(message.newTable, flags, () => this.#writer.attributeText(1, this.#table.name));
    return this;
  }

  /** Drops the table with everything in it. */
  deleteTable(): this {
    this.#change(message.deleteTable, 0, () => this.#writer.attributeText(1, this.#table.name));
    return this;
  }

  addChain(chain: ChainSpec): this {
    const writer = this.#writer;
    this.#change(message.newChain, messageFlag.create, () => {
      writer.attributeText(1, this.#table.name).attributeText(3, chain.name);
      const { hook } = chain;
      if (hook === undefined) return;
      writer.nest(4, () => writer.attributeBe32(1, hookNumber[hook.hook]).attributeBe32(2, hook.priority));
      writer.attributeBe32(5, hook.policy === 'accept' ? 1 : 0).attributeText(7, hook.type);
    });
    return this;
  }

  /** Appends a rule. @param comment shown by `nft list` */
  addRule(chain: string, expressions: readonly Expression[], comment = ''): this {
    return this.#rule(messageFlag.append, { chain, expressions, comment });
  }

  /** Puts a rule before all others of its chain. */
  insertRule(chain: string, expressions: readonly Expression[], comment = ''): this {
    return this.#rule(0, { chain, expressions, comment });
  }

  deleteRule(chain: string, handle: bigint): this {
    const value = new Uint8Array(8);
    new DataView(value.buffer).setBigUint64(0, handle, false);
    this.#change(message.deleteRule, 0, () => {
      this.#writer.attributeText(1, this.#table.name).attributeText(2, chain).attribute(3, value);
    });
    return this;
  }

  #rule(
    place: number,
    { chain, expressions, comment }: { chain: string; expressions: readonly Expression[]; comment: string },
  ): this {
    const writer = this.#writer;
    this.#change(message.newRule, messageFlag.create | place, () => {
      writer.attributeText(1, this.#table.name).attributeText(2, chain);
      writer.nest(4, () => {
        for (const expression of expressions) writeExpression(writer, expression);
      });
      if (comment !== '') writer.attribute(7, commentData(comment));
    });
    return this;
  }

  addSet(set: SetSpec): this {
    const writer = this.#writer;
    this.#change(message.newSet, messageFlag.create, () => {
      writer.attributeText(1, this.#table.name).attributeText(2, set.name);
      const flags = (set.key.length > 1 ? concatFlag : 0) | (set.data === undefined ? 0 : mapFlag);
      writer.attributeBe32(3, flags).attributeBe32(4, keyTypeId(set.key)).attributeBe32(5, keyLength(set.key));
      if (set.data === 'verdict') writer.attributeBe32(6, verdictType).attributeBe32(7, 16);
      else if (set.data !== undefined)
        writer.attributeBe32(6, keyTypeId(set.data)).attributeBe32(7, keyLength(set.data));
      writer.attributeBe32(10, ++this.#setId);
      // Lets `nft list` show a name: it cannot know that a lone key of this type is not a big-endian number.
      if (set.key.length === 1 && set.key[0] === 'ifname') writer.attribute(13, Uint8Array.of(0, 4, 1, 0, 0, 0));
      if (set.key.length > 1) writer.nest(9, () => writeConcatenation(writer, set.key));
    });
    return this;
  }

  addElements(set: string, elements: readonly Element[]): this {
    if (elements.length > 0) this.#change(message.newElement, messageFlag.create, () => this.#elements(set, elements));
    return this;
  }

  /** @throws (at the request) ENOENT when one of them is not there; then none is dropped */
  deleteElements(set: string, elements: readonly Element[]): this {
    if (elements.length > 0) this.#change(message.deleteElement, 0, () => this.#elements(set, elements));
    return this;
  }

  /** Ends the transaction: the last message asks for the acknowledgement that `request` waits for. */
  finish(): Uint8Array {
    const writer = this.#writer;
    writer.message(batchEnd, messageFlag.request, () => netfilterHeader(writer, 0, 10));
    return acknowledgeLastChange(writer.finish());
  }

  #elements(set: string, elements: readonly Element[]): void {
    const writer = this.#writer;
    writer.attributeText(2, set).attributeText(1, this.#table.name);
    writer.nest(3, () => {
      for (const element of elements)
        writer.nest(1, () => {
          writeData(writer, 1, joinKey(element.key));
          const { data } = element;
          if (data === undefined) return;
          if (Array.isArray(data)) writeData(writer, 2, joinKey(data));
          else writeVerdict(writer, 2, data as Verdict);
        });
    });
  }
}

function writeConcatenation(writer: MessageWriter, key: readonly KeyType[]): void {
  writer.nest(2, () => {
    for (const part of key) writer.nest(1, () => writer.attributeBe32(1, keyLength([part])));
  });
}

/** nft's own format of a comment: type 0, length, text with NUL. */
function commentData(comment: string): Uint8Array {
  const text = new TextEncoder().encode(`${comment}\0`).subarray(0, 255);
  return Uint8Array.of(0, text.length, ...text);
}

/** The kernel reports failures by themselves and, of the successes, only what asked for it: one is enough. */
function acknowledgeLastChange(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let last = -1;
  for (let at = 0; at < bytes.length; at += (view.getUint32(at, true) + 3) & ~3)
    if (view.getUint16(at + 4, true) >>> 8 !== 0) last = at;
  if (last >= 0) view.setUint16(last + 6, view.getUint16(last + 6, true) | messageFlag.acknowledge, true);
  return bytes;
}
