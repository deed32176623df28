/** How lines are shown, and which of them. */
export type LineStyle = {
  /** No frames: the process had a terminal. */
  readonly terminal: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly timestamps: boolean;
  /** undefined: no details; otherwise what stands before lines that carry no attributes of their own. */
  readonly details: string | undefined;
  /** Unix nanoseconds; 0n: no bound. */
  readonly sinceNanos: bigint;
  readonly untilNanos: bigint;
};

export type LineFormatter = {
  /**
   * Formats whole lines.
   *
   * @param buffer is written to: the chunks are views of it, so it belongs to whoever gets them
   * @param from where the first line begins
   * @param to just behind the last newline
   * @returns chunks in order; `isOver` when a line later than the bound was met, and nothing after it counts
   */
  format(
    buffer: Buffer,
    from: number,
    to: number,
  ): { readonly chunks: readonly Uint8Array[]; readonly isOver: boolean };
};

const newline = 0x0a;
const backslash = 0x5c;
const quote = 0x22;
/** `{"log":"` */
const headLength = 8;
/** `","stream":"stdout","time":"`, between the text and the time. */
const middleLength = 28;
/** RFC 3339 in UTC: seconds alone, or with up to nine digits behind the point. */
const shortestTime = '2006-01-02T15:04:05Z'.length;
const longestTime = '2006-01-02T15:04:05.000000000Z'.length;
const frameHeaderBytes = 8;

/** A line of the shim's own shape, by positions in its buffer. */
type Found = { textStart: number; textEnd: number; timeStart: number; end: number };

/**
 * Turns lines of a json-file log into what a client gets: Docker's frames, or plain bytes for a terminal.
 *
 * Fast because logs are long: a line of the shim's own shape is recognised by its bytes, its text is moved to the front
 * of the buffer it was read into, and nothing is parsed or allocated. Every other line takes the slow way.
 */
export function createLineFormatter(style: LineStyle): LineFormatter {
  const since = style.sinceNanos === 0n ? '' : boundText(style.sinceNanos);
  const until = style.untilNanos === 0n ? '~' : boundText(style.untilNanos);
  const needsTime = style.timestamps || since !== '' || until !== '~';
  const stampBytes = style.timestamps ? longestTime + 1 : 0;
  const prefixBytes = (style.terminal ? 0 : frameHeaderBytes) + stampBytes;
  // One for all lines: a line costs no allocation.
  const line: Found = { textStart: 0, textEnd: 0, timeStart: 0, end: 0 };
  const clock = createTimeReader();

  return {
    format: (buffer, from, to) => {
      const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
      const chunks: Uint8Array[] = [];
      let runStart = from;
      let out = from;
      for (let at = from; at < to; at = line.end + 1) {
        const isPlain = style.details === undefined && findPlainLine({ buffer, view, to }, at, line);
        if (!isPlain && !(style.details === undefined && findEscapedLine(buffer, view, { at, line }))) {
          line.end = buffer.indexOf(newline, at);
          const slow = formatSlowly(buffer.toString('utf8', at, line.end), { style, since, until });
          if (slow === 'over') return { chunks: [...chunks, buffer.subarray(runStart, out)], isOver: true };
          if (slow === undefined) continue;
          chunks.push(buffer.subarray(runStart, out), slow);
          runStart = line.end + 1;
          out = runStart;
          continue;
        }
        const isStdout = buffer[line.textEnd + 15] === 0x6f;
        if (needsTime) {
          const time = clock.read(buffer, view, line);
          if (time > until) return { chunks: [...chunks, buffer.subarray(runStart, out)], isOver: true };
          if (time < since) continue;
        }
        if (isStdout ? !style.stdout : !style.stderr) continue;
        if (isPlain) buffer[line.textEnd - 2] = newline;
        const length = isPlain ? line.textEnd - line.textStart - 1 : undoEscapes(buffer, line.textStart, line.textEnd);
        // The text first: with a time stamp before it the prefix is longer than what stood there in the log.
        buffer.copyWithin(out + prefixBytes, line.textStart, line.textStart + length);
        if (!style.terminal) {
          view.setUint32(out, isStdout ? 0x01000000 : 0x02000000);
          view.setUint32(out + 4, stampBytes + length);
        }
        if (style.timestamps) buffer.set(clock.stamp(), out + prefixBytes - stampBytes);
        out += prefixBytes + length;
      }
      if (out > runStart) chunks.push(buffer.subarray(runStart, out));
      return { chunks, isOver: false };
    },
  };
}

/**
 * Recognises a line whose only escape is its newline at the end, by one search and a few words: nearly all lines are so.
 * The words are four bytes each of the fixed parts.
 */
function findPlainLine(
  { buffer, view, to }: { buffer: Buffer; view: DataView; to: number },
  at: number,
  line: Found,
): boolean {
  if (at + headLength + middleLength + shortestTime + 3 > to) return false;
  if (view.getUint32(at) !== 0x7b226c6f || view.getUint32(at + 4) !== 0x67223a22) return false; // {"lo g":"
  const found = buffer.indexOf(backslash, at + headLength);
  const textEnd = found + 2;
  if (found < 0 || buffer[found + 1] !== 0x6e || textEnd + middleLength + shortestTime + 3 > to) return false;
  // A torn line before this one would otherwise be taken for the beginning of its text.
  return hasMiddle(view, textEnd) && closes(buffer, { at, textEnd, line }) && buffer.indexOf(newline, at) === line.end;
}

/** Recognises any other line of the shim's shape from its end, since its text may hold anything. */
function findEscapedLine(buffer: Buffer, view: DataView, { at, line }: { at: number; line: Found }): boolean {
  const end = buffer.indexOf(newline, at);
  if (end - at < headLength + middleLength + shortestTime + 2) return false;
  if (view.getUint32(at) !== 0x7b226c6f || view.getUint32(at + 4) !== 0x67223a22) return false;
  let timeQuote = end - 3 - longestTime;
  while (timeQuote < end - 2 - shortestTime && buffer[timeQuote] !== quote) timeQuote++;
  const textEnd = timeQuote - middleLength + 1;
  if (textEnd < at + headLength || !hasMiddle(view, textEnd)) return false;
  return closes(buffer, { at, textEnd, line }) && line.end === end;
}

/** `","stream":"std` … `","time":"`, with `out` or `err` between. */
function hasMiddle(view: DataView, at: number): boolean {
  const name = view.getUint32(at + 14);
  return (
    view.getUint32(at) === 0x222c2273 && // ","s
    view.getUint32(at + 4) === 0x74726561 && // trea
    view.getUint32(at + 8) === 0x6d223a22 && // m":"
    view.getUint16(at + 12) === 0x7374 && // st
    (name === 0x646f7574 || name === 0x64657272) && // dout, derr
    view.getUint32(at + 18) === 0x222c2274 && // ","t
    view.getUint32(at + 22) === 0x696d6522 && // ime"
    view.getUint16(at + 26) === 0x3a22 // :"
  );
}

/** Finds the end of the time and checks that the line ends with it. */
function closes(buffer: Buffer, { at, textEnd, line }: { at: number; textEnd: number; line: Found }): boolean {
  const timeStart = textEnd + middleLength;
  let timeEnd = timeStart + longestTime;
  while (timeEnd > timeStart + shortestTime && buffer[timeEnd] !== quote) timeEnd--;
  if (buffer[timeEnd] !== quote || buffer[timeEnd + 1] !== 0x7d || buffer[timeEnd + 2] !== newline) return false;
  line.textStart = at + headLength;
  line.textEnd = textEnd;
  line.timeStart = timeStart;
  line.end = timeEnd + 2;
  return true;
}

/** Reads times, and remembers the last one: all lines that came in one piece carry the same. */
function createTimeReader() {
  const known = new DataView(new ArrayBuffer(longestTime + 4));
  let stamp: Uint8Array = new Uint8Array();
  let text = '';
  return {
    stamp: () => stamp,
    read: (buffer: Buffer, view: DataView, line: Found): string => {
      // Four bytes at once: the last word may take in what closes the line, which is always the same.
      let same = text !== '';
      const length = line.end - 2 - line.timeStart;
      for (let i = 0; i < length && same; i += 4) same = view.getUint32(line.timeStart + i) === known.getUint32(i);
      if (same) return text;
      for (let i = 0; i < length; i += 4) known.setUint32(i, view.getUint32(line.timeStart + i));
      text = fixedTime(buffer.toString('latin1', line.timeStart, line.end - 3));
      stamp = Buffer.from(`${text}Z `, 'latin1');
      return text;
    },
  };
}

const plainEscapes: Readonly<Record<number, number>> = { 110: 0x0a, 114: 0x0d, 116: 0x09, 98: 0x08, 102: 0x0c };

/** Undoes JSON's escapes in place. @returns the length that is left */
function undoEscapes(buffer: Buffer, start: number, end: number): number {
  let out = start;
  for (let at = start; at < end; at++) {
    const byte = buffer[at] ?? 0;
    if (byte !== backslash) {
      buffer[out++] = byte;
      continue;
    }
    at++;
    const kind = buffer[at] ?? 0;
    if (kind !== 0x75) {
      buffer[out++] = plainEscapes[kind] ?? kind;
      continue;
    }
    let code = hexAt(buffer, at + 1);
    at += 4;
    const low = code >= 0xd800 && code < 0xdc00 && buffer[at + 1] === backslash ? hexAt(buffer, at + 3) : 0;
    if (low >= 0xdc00 && low < 0xe000) {
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      at += 6;
    }
    // At most four bytes for six or twelve that were read: never beyond what is still to be read.
    out += buffer.write(String.fromCodePoint(code), out);
  }
  return out - start;
}

function hexAt(buffer: Buffer, at: number): number {
  return Number.parseInt(buffer.toString('latin1', at, at + 4), 16) || 0;
}

/** A line with attributes, of another writer's field order, or broken. @returns undefined for what is no log line */
function formatSlowly(
  line: string,
  { style, since, until }: { style: LineStyle; since: string; until: string },
): Uint8Array | undefined | 'over' {
  const entry = parseEntry(line);
  if (entry === undefined) return undefined;
  const time = fixedTime(entry.time.replace(/Z$/, ''));
  if (time > until) return 'over';
  const isStdout = entry.stream !== 'stderr';
  if (time < since || (isStdout ? !style.stdout : !style.stderr)) return undefined;
  const stamp = style.timestamps ? `${time}Z ` : '';
  const details = style.details === undefined ? '' : `${entry.attributes ?? style.details} `;
  const text = Buffer.from(`${stamp}${details}${entry.text}`);
  if (style.terminal) return text;
  const frame = Buffer.alloc(frameHeaderBytes + text.length);
  frame[0] = isStdout ? 1 : 2;
  frame.writeUInt32BE(text.length, 4);
  text.copy(frame, frameHeaderBytes);
  return frame;
}

type Entry = {
  readonly text: string;
  readonly stream: string;
  readonly time: string;
  readonly attributes: string | undefined;
};

function parseEntry(line: string): Entry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // A torn line: the disk was full or the machine died. What follows it is sound.
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { log, stream, time, attrs } = value as Record<string, unknown>;
  if (typeof log !== 'string' || typeof time !== 'string') return undefined;
  const hasAttributes = typeof attrs === 'object' && attrs !== null;
  return {
    text: log,
    stream: typeof stream === 'string' ? stream : 'stdout',
    time,
    attributes: hasAttributes
      ? formatDetails(Object.entries(attrs).map(([key, item]) => [key, String(item)]))
      : undefined,
  };
}

/** `key=value` pairs as `logs --details` shows them: sorted, and escaped like a URL's query. */
export function formatDetails(attributes: readonly (readonly [string, string])[]): string {
  const escapeText = (text: string): string => encodeURIComponent(text).replaceAll('%20', '+');
  return [...attributes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${escapeText(key)}=${escapeText(value)}`)
    .join(',');
}

/** A time without its `Z`, with nine digits behind the point: such texts compare like the times. */
function fixedTime(time: string): string {
  const withPoint = time.length === shortestTime - 1 ? `${time}.` : time;
  return withPoint.padEnd(longestTime - 1, '0');
}

function boundText(nanos: bigint): string {
  const seconds = new Date(Number(nanos / 1_000_000_000n) * 1000).toISOString().slice(0, shortestTime - 1);
  return `${seconds}.${(nanos % 1_000_000_000n).toString().padStart(9, '0')}`;
}
