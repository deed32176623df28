/** Record types that we answer ourselves. */
export const recordType = { a: 1, ptr: 12, aaaa: 28, opt: 41 } as const;
export const responseCode = {
  ok: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
} as const;

const headerLength = 12;
const maxName = 255;
const maxLabel = 63;
const classInternet = 1;
/** What a client without EDNS can take over UDP (RFC 1035, 4.2.1), and what we use at most with it. */
const minUdpSize = 512;
const maxUdpSize = 4096;

/** A query with one question, as every resolver library sends it. */
export type DnsQuery = {
  readonly id: number;
  /** Lower case, without the final dot; labels joined by dots. Bytes outside printable ASCII read as `\ddd`. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly recursionDesired: boolean;
  /** The question as it came, letter case included: it is echoed. */
  readonly question: Uint8Array;
  /** How long an answer over UDP may be. */
  readonly udpSize: number;
};

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * Parses a query. Anything odd (a response, another opcode, several questions, a compressed or endless name, bytes
 * missing) is undefined: nobody sends such a thing in good faith.
 */
export function parseDnsQuery(bytes: Uint8Array): DnsQuery | undefined {
  if (bytes.length < headerLength) return undefined;
  const view = viewOf(bytes);
  const flags = view.getUint16(2, false);
  const isQuery = (flags & 0x8000) === 0 && (flags & 0x7800) === 0;
  if (!isQuery || view.getUint16(4, false) !== 1) return undefined;
  const name = readName(bytes, headerLength);
  if (name === undefined || name.end + 4 > bytes.length) return undefined;
  return {
    id: view.getUint16(0, false),
    name: name.text,
    type: view.getUint16(name.end, false),
    class: view.getUint16(name.end + 2, false),
    recursionDesired: (flags & 0x0100) !== 0,
    question: bytes.slice(headerLength, name.end + 4),
    udpSize: ednsSize(bytes, name.end + 4),
  };
}

function readName(bytes: Uint8Array, start: number): { text: string; end: number } | undefined {
  const labels: string[] = [];
  let at = start;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > maxLabel || at + 1 + length - start > maxName) return undefined;
    at++;
    if (length === 0) return { text: labels.join('.'), end: at };
    if (at + length > bytes.length) return undefined;
    labels.push(labelText(bytes.subarray(at, at + length)));
    at += length;
  }
}

function labelText(label: Uint8Array): string {
  let text = '';
  for (const byte of label) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x2e && byte !== 0x5c;
    text += plain ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`;
  }
  return text.toLowerCase();
}

/** The size that an OPT record right after the question offers (RFC 6891); queries have no other records before it. */
function ednsSize(bytes: Uint8Array, at: number): number {
  const view = viewOf(bytes);
  const counts = [view.getUint16(6, false), view.getUint16(8, false), view.getUint16(10, false)];
  const isOpt = counts[0] === 0 && counts[1] === 0 && counts[2] !== 0 && at + 11 <= bytes.length && bytes[at] === 0;
  if (!isOpt || view.getUint16(at + 1, false) !== recordType.opt) return minUdpSize;
  return Math.min(Math.max(view.getUint16(at + 3, false), minUdpSize), maxUdpSize);
}

/** An answer to the question itself: four bytes for A, sixteen for AAAA, a name for PTR. */
export type DnsAnswer =
  | { readonly type: 'address'; readonly address: Uint8Array }
  | { readonly type: 'name'; readonly name: string };

/**
 * Formats a response. What does not fit into `maxSize` is left out and the truncation bit tells the client to ask over
 * TCP.
 */
export function formatDnsResponse(
  query: DnsQuery,
  response: { readonly code: number; readonly answers: readonly DnsAnswer[]; readonly ttlSeconds: number },
  maxSize: number,
): Uint8Array {
  const records: Uint8Array[] = [];
  let size = headerLength + query.question.length;
  let truncated = false;
  for (const answer of response.answers) {
    const record = formatRecord(answer, response.ttlSeconds);
    truncated ||= size + record.length > maxSize;
    if (truncated) break;
    records.push(record);
    size += record.length;
  }
  const bytes = new Uint8Array(size);
  const view = viewOf(bytes);
  view.setUint16(0, query.id, false);
  const flags = 0x8080 | (truncated ? 0x0200 : 0) | (query.recursionDesired ? 0x0100 : 0);
  view.setUint16(2, flags | response.code, false);
  view.setUint16(4, 1, false);
  view.setUint16(6, records.length, false);
  bytes.set(query.question, headerLength);
  let at = headerLength + query.question.length;
  for (const record of records) {
    bytes.set(record, at);
    at += record.length;
  }
  return bytes;
}

function formatRecord(answer: DnsAnswer, ttlSeconds: number): Uint8Array {
  const data = answer.type === 'address' ? answer.address : formatName(answer.name);
  const type = answer.type === 'name' ? recordType.ptr : data.length === 4 ? recordType.a : recordType.aaaa;
  const record = new Uint8Array(12 + data.length);
  const view = viewOf(record);
  // A pointer to the question's name, which always starts right after the header.
  view.setUint16(0, 0xc000 | headerLength, false);
  view.setUint16(2, type, false);
  view.setUint16(4, classInternet, false);
  view.setUint32(6, ttlSeconds, false);
  view.setUint16(10, data.length, false);
  record.set(data, 12);
  return record;
}

const utf8 = new TextEncoder();

function formatName(name: string): Uint8Array {
  const bytes: number[] = [];
  for (const label of name.split('.')) {
    const encoded = utf8.encode(label).subarray(0, maxLabel);
    if (encoded.length > 0) bytes.push(encoded.length, ...encoded);
  }
  return Uint8Array.of(...bytes.slice(0, maxName - 1), 0);
}

/** A copy of a query with another ID, for a server further up. */
export function withDnsId(message: Uint8Array, id: number): Uint8Array {
  const copy = message.slice();
  viewOf(copy).setUint16(0, id, false);
  return copy;
}

/**
 * Tells whether a message is the answer to what was asked: a response, our ID, our question. Anything else is a
 * forgery or a straggler and is not passed on.
 */
export function answersQuery(response: Uint8Array, asked: { readonly id: number; readonly query: DnsQuery }): boolean {
  if (response.length < headerLength) return false;
  const view = viewOf(response);
  const isOurs = view.getUint16(0, false) === asked.id && (view.getUint16(2, false) & 0x8000) !== 0;
  if (!isOurs || view.getUint16(4, false) !== 1) return false;
  const name = readName(response, headerLength);
  if (name === undefined || name.end + 4 > response.length) return false;
  return name.text === asked.query.name && view.getUint16(name.end, false) === asked.query.type;
}

/** The response code of a message that `answersQuery` accepted. */
export function dnsCodeOf(response: Uint8Array): number {
  return (response[3] ?? 0) & 15;
}
