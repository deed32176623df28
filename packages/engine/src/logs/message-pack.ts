/** Values of MessagePack that log messages are made of. */
export type Packable = string | number | readonly Packable[] | { readonly [name: string]: Packable } | EventTime;

/** Fluentd's extension 0: seconds and nanoseconds. */
export type EventTime = { readonly kind: 'event-time'; readonly seconds: number; readonly nanoseconds: number };

/** Spec: MessagePack, msgpack/spec.md. Numbers are whole, up to 32 bits. */
export function packMessage(value: Packable): Uint8Array {
  const parts: Uint8Array[] = [];
  pack(value, parts);
  return Buffer.concat(parts);
}

function pack(value: Packable, into: Uint8Array[]): void {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    into.push(lengthHead(bytes.length, { fix: 0xa0, fixMost: 31, sizes: [0xd9, 0xda, 0xdb] }), bytes);
  } else if (typeof value === 'number') {
    into.push(bigEndian(0xd2, value, 4));
  } else if (isList(value)) {
    into.push(lengthHead(value.length, { fix: 0x90, fixMost: 15, sizes: [undefined, 0xdc, 0xdd] }));
    for (const item of value) pack(item, into);
  } else if (isEventTime(value)) {
    into.push(Uint8Array.of(0xd7, 0), u32(value.seconds), u32(value.nanoseconds));
  } else {
    const entries = Object.entries(value);
    into.push(lengthHead(entries.length, { fix: 0x80, fixMost: 15, sizes: [undefined, 0xde, 0xdf] }));
    for (const [name, item] of entries) {
      pack(name, into);
      pack(item, into);
    }
  }
}

function isList(value: Packable): value is readonly Packable[] {
  return Array.isArray(value);
}

function isEventTime(value: Packable): value is EventTime {
  return typeof value === 'object' && 'kind' in value && value.kind === 'event-time';
}

type Heads = {
  readonly fix: number;
  readonly fixMost: number;
  /** Of a length in one, two, four bytes. */
  readonly sizes: readonly [number | undefined, number, number];
};

function lengthHead(length: number, { fix, fixMost, sizes }: Heads): Uint8Array {
  const [one, two, four] = sizes;
  if (length <= fixMost) return Uint8Array.of(fix | length);
  if (length < 0x100 && one !== undefined) return Uint8Array.of(one, length);
  return length < 0x10000 ? bigEndian(two, length, 2) : bigEndian(four, length, 4);
}

function bigEndian(head: number, value: number, bytes: 2 | 4): Uint8Array {
  const out = Buffer.alloc(1 + bytes);
  out[0] = head;
  out.writeUIntBE(value, 1, bytes);
  return out;
}

function u32(value: number): Uint8Array {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
}

/**
 * Reads answers of the shape `{"ack": text}` from the front of what a server sent.
 *
 * @returns the texts, and how many bytes they took; what is no answer ends the reading with `isOther`
 */
export function readAcks(bytes: Uint8Array): { acks: string[]; length: number; isOther: boolean } {
  const head = Uint8Array.of(0x81, 0xa3, 0x61, 0x63, 0x6b);
  const acks: string[] = [];
  let at = 0;
  while (bytes.length - at > head.length) {
    if (!head.every((byte, index) => bytes[at + index] === byte)) return { acks, length: at, isOther: true };
    const kind = bytes[at + head.length] ?? 0;
    const isShort = (kind & 0xe0) === 0xa0;
    if (!isShort && kind !== 0xd9) return { acks, length: at, isOther: true };
    const start = at + head.length + (isShort ? 1 : 2);
    const length = isShort ? kind & 31 : (bytes[start - 1] ?? 0);
    if (start > bytes.length || start + length > bytes.length) break;
    acks.push(Buffer.from(bytes.subarray(start, start + length)).toString('latin1'));
    at = start + length;
  }
  return { acks, length: at, isOther: false };
}
