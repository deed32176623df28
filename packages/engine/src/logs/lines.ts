import { parseLine } from './parse-line.ts';

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
/** `{"log":"","stream":"stdout","time":"2006-01-02T15:04:05Z"}` and its newline. */
const shortestLine = headLength + middleLength + shortestTime + 3;
const frameHeaderBytes = 8;
const likelyEscaped = 64;

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
  const line = createLineScanner();

  /** Moves the scanned line to `out`. @returns where the next one goes, the same place when this one is not shown */
  const emit = (buffer: Buffer, view: DataView, out: number): number => {
    if (line.isStdout() ? !style.stdout : !style.stderr) return out;
    const start = line.isStdout() ? 0x01000000 : 0x02000000;
    // The text first: with a time stamp before it the prefix is longer than what stood there in the log.
    const length = line.isPlain
      ? movePlain(buffer, line, out + prefixBytes)
      : undoEscapes(buffer, line, out + prefixBytes);
    if (!style.terminal) {
      view.setUint32(out, start);
      view.setUint32(out + 4, stampBytes + length);
    }
    if (style.timestamps) buffer.set(line.stamp(), out + prefixBytes - stampBytes);
    return out + prefixBytes + length;
  };

  return {
    format: (buffer, from, to) => {
      const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
      line.reset(buffer, view, to);
      const chunks: Uint8Array[] = [];
      let runStart = from;
      let out = from;
      for (let at = from; at < to; at = line.end + 1) {
        if (style.details === undefined && line.scan(at)) {
          const time = needsTime ? line.time() : since;
          if (time > until) return { chunks: [...chunks, buffer.subarray(runStart, out)], isOver: true };
          if (time >= since) out = emit(buffer, view, out);
          continue;
        }
        line.end = buffer.indexOf(newline, at);
        const slow = formatSlowly(buffer.toString('utf8', at, line.end), { style, since, until });
        if (slow === 'over') return { chunks: [...chunks, buffer.subarray(runStart, out)], isOver: true };
        if (slow === undefined) continue;
        chunks.push(buffer.subarray(runStart, out), slow);
        runStart = line.end + 1;
        out = runStart;
      }
      if (out > runStart) chunks.push(buffer.subarray(runStart, out));
      return { chunks, isOver: false };
    },
  };
}

/**
 * Finds the parts of one line after another. Its state is the line that was scanned last, so that a line costs no
 * allocation; words are compared four bytes at a time.
 */
function createLineScanner() {
  let buffer: Buffer = Buffer.alloc(0);
  let view: DataView = new DataView(new ArrayBuffer(0));
  let to = 0;
  const knownTime = new DataView(new ArrayBuffer(longestTime + 4));
  let timeText = '';
  let stamp: Uint8Array = new Uint8Array();
  /** Lines that are not looked at for being plain: where one has escapes, its neighbours have some too. */
  let escapedAhead = 0;

  const self = {
    textStart: 0,
    textEnd: 0,
    timeStart: 0,
    end: 0,
    /** The newline at its end is the only escape. */
    isPlain: false,
    reset: (nextBuffer: Buffer, nextView: DataView, nextTo: number): void => {
      buffer = nextBuffer;
      view = nextView;
      to = nextTo;
    },
    isStdout: (): boolean => buffer[self.textEnd + 15] === 0x6f,
    /** Tells whether the line at a position has the shim's own shape, and where its parts are. */
    scan: (at: number): boolean => {
      if (at + shortestLine > to) return false;
      if (view.getUint32(at) !== 0x7b226c6f || view.getUint32(at + 4) !== 0x67223a22) return false; // {"lo g":"
      if (escapedAhead === 0) {
        self.isPlain = scanPlain(at);
        if (self.isPlain) return true;
        escapedAhead = likelyEscaped;
      }
      escapedAhead--;
      self.isPlain = false;
      return scanEscaped(at);
    },
    /** Its time, all nine digits and no zone. Lines that came in one piece share it: it is read once for them. */
    time: (): string => {
      let isKnown = timeText !== '';
      const length = self.end - 2 - self.timeStart;
      // The last word may take in what closes the line, which is always the same.
      for (let i = 0; i < length && isKnown; i += 4)
        isKnown = view.getUint32(self.timeStart + i) === knownTime.getUint32(i);
      if (isKnown) return timeText;
      for (let i = 0; i < length; i += 4) knownTime.setUint32(i, view.getUint32(self.timeStart + i));
      timeText = fixedTime(buffer.toString('latin1', self.timeStart, self.end - 3));
      stamp = Buffer.from(`${timeText}Z `, 'latin1');
      return timeText;
    },
    /** The time that was read last, as it stands before a line. */
    stamp: (): Uint8Array => stamp,
  };

  /** By two searches: for the first escape, and that no newline of a torn line lies before it. Nearly all lines are so. */
  const scanPlain = (at: number): boolean => {
    const found = buffer.indexOf(backslash, at + headLength);
    if (found < 0 || buffer[found + 1] !== 0x6e || found + 2 + shortestLine - headLength > to) return false;
    return close(at, found + 2) && buffer.indexOf(newline, at) === self.end;
  };

  /** From the end of the line, since its text may hold anything. */
  const scanEscaped = (at: number): boolean => {
    const end = buffer.indexOf(newline, at);
    if (end - at < shortestLine - 1) return false;
    let timeQuote = end - 3 - longestTime;
    while (timeQuote < end - 2 - shortestTime && buffer[timeQuote] !== quote) timeQuote++;
    const textEnd = timeQuote - middleLength + 1;
    return textEnd >= at + headLength && close(at, textEnd) && self.end === end;
  };

  /** Checks what stands between text and time, finds the end of the time and checks that the line ends with it. */
  const close = (at: number, textEnd: number): boolean => {
    if (!hasMiddle(view, textEnd)) return false;
    const timeStart = textEnd + middleLength;
    let timeEnd = timeStart + longestTime;
    while (timeEnd > timeStart + shortestTime && buffer[timeEnd] !== quote) timeEnd--;
    if (buffer[timeEnd] !== quote || buffer[timeEnd + 1] !== 0x7d || buffer[timeEnd + 2] !== newline) return false;
    self.textStart = at + headLength;
    self.textEnd = textEnd;
    self.timeStart = timeStart;
    self.end = timeEnd + 2;
    return true;
  };

  return self;
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

/** Where a text stands in a buffer: `textEnd` is behind its last byte. */
type TextPlace = { readonly textStart: number; readonly textEnd: number };

/** Moves a text whose only escape is the newline at its end. @returns its length there */
function movePlain(buffer: Buffer, { textStart, textEnd }: TextPlace, to: number): number {
  const length = textEnd - textStart - 1;
  buffer[textEnd - 2] = newline;
  buffer.copyWithin(to, textStart, textStart + length);
  return length;
}

/** What stands for itself or another byte behind a backslash. */
const escaped = Uint8Array.from({ length: 256 }, (_, byte) => byte);
escaped.set([0x0a], 0x6e);
escaped.set([0x0d], 0x72);
escaped.set([0x09], 0x74);
escaped.set([0x08], 0x62);
escaped.set([0x0c], 0x66);

/** Moves a text and undoes JSON's escapes on the way. @returns the length that is left */
function undoEscapes(buffer: Buffer, { textStart, textEnd }: TextPlace, to: number): number {
  // Where the place lies within the text, what is still to be read would be overwritten.
  const start = to > textStart ? textStart : to;
  let out = start;
  for (let at = textStart; at < textEnd; at++) {
    const byte = buffer[at] ?? 0;
    if (byte !== backslash) {
      buffer[out++] = byte;
      continue;
    }
    at++;
    const kind = buffer[at] ?? 0;
    if (kind !== 0x75) {
      buffer[out++] = escaped[kind] ?? 0;
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
  if (start !== to) buffer.copyWithin(to, start, out);
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
  const parsed = parseLine(line);
  if (parsed === undefined) return undefined;
  const { text, stream, time, attrs } = parsed;
  const hasAttributes = typeof attrs === 'object' && attrs !== null;
  return {
    text,
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
