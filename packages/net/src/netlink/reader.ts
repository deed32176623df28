/** One message of a received datagram: its header and everything after it. */
export type NetlinkMessage = {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Uint8Array;
};

/** Message types that every family shares. */
export const controlType = { noop: 1, error: 2, done: 3, overrun: 4 } as const;

/** Splits a datagram into its messages; what does not add up ends the list (the kernel never sends such). */
export function parseMessages(datagram: Uint8Array): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  const view = viewOf(datagram);
  for (let at = 0; at + 16 <= datagram.length; ) {
    const length = view.getUint32(at, true);
    if (length < 16 || at + length > datagram.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: datagram.subarray(at + 16, at + length),
    });
    at += (length + 3) & ~3;
  }
  return messages;
}

/** Attributes by type, flag bits removed; of repeated ones the last. */
export type Attributes = ReadonlyMap<number, Uint8Array>;

/** Reads the attributes after a family's fixed header of `skip` bytes. */
export function parseAttributes(body: Uint8Array, skip = 0): Attributes {
  return new Map(listAttributes(body, skip));
}

/** The same as a list, for the lists that nf_tables keeps as repeated attributes. */
export function listAttributes(body: Uint8Array, skip = 0): (readonly [type: number, value: Uint8Array])[] {
  const attributes: (readonly [number, Uint8Array])[] = [];
  const view = viewOf(body);
  for (let at = skip; at + 4 <= body.length; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > body.length) break;
    attributes.push([view.getUint16(at + 2, true) & 0x3fff, body.subarray(at + 4, at + length)]);
    at += (length + 3) & ~3;
  }
  return attributes;
}

/** A view on exactly these bytes, wherever they lie in their buffer. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A number of the machine's byte order; 0 when the attribute is absent or too short. */
export function readU32(value: Uint8Array | undefined): number {
  return value === undefined || value.length < 4 ? 0 : viewOf(value).getUint32(0, true);
}

/** A number in network byte order; 0 when the attribute is absent or too short. */
export function readBe32(value: Uint8Array | undefined): number {
  return value === undefined || value.length < 4 ? 0 : viewOf(value).getUint32(0, false);
}

const utf8 = new TextDecoder();

/** Text up to its NUL; empty when the attribute is absent. */
export function readText(value: Uint8Array | undefined): string {
  if (value === undefined) return '';
  const end = value.indexOf(0);
  return utf8.decode(end === -1 ? value : value.subarray(0, end));
}

/** What an error message says: errno 0 is an acknowledgement; `text` is the kernel's own explanation, when it has one. */
export type Acknowledgement = { readonly sequence: number; readonly errno: number; readonly text: string };

const extendedAckTlvs = 0x200;
const capped = 0x100;

/** Reads `struct nlmsgerr` and the extended acknowledgement after it. */
export function parseAcknowledgement(message: NetlinkMessage): Acknowledgement {
  const view = viewOf(message.body);
  const errno = message.body.length < 4 ? 0 : -view.getInt32(0, true);
  // The request comes back whole unless the kernel was asked to cap it; the TLVs follow.
  const requestLength = (message.flags & capped) !== 0 || message.body.length < 8 ? 16 : view.getUint32(4, true);
  const tlvs = (message.flags & extendedAckTlvs) !== 0 ? 4 + ((requestLength + 3) & ~3) : message.body.length;
  const text = readText(parseAttributes(message.body, Math.min(tlvs, message.body.length)).get(1));
  return { sequence: message.sequence, errno, text };
}
