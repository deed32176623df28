import { expect, test } from 'bun:test';
import { createLineFormatter, formatDetails, type LineStyle } from './lines.ts';

const plain: LineStyle = {
  terminal: false,
  stdout: true,
  stderr: true,
  timestamps: false,
  details: undefined,
  sinceNanos: 0n,
  untilNanos: 0n,
};

/** A line as the shim writes it: Go's escapes, Go's times. */
function line(text: string, { stream = 'stdout', time = '2026-11-20T23:46:55.123456789Z' } = {}): string {
  const escaped = JSON.stringify(text).replaceAll(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `{"log":${escaped},"stream":"${stream}","time":"${time}"}\n`;
}

function format(text: string, style: Partial<LineStyle> = {}): Buffer {
  const buffer = Buffer.from(`xx${text}`);
  const { chunks } = createLineFormatter({ ...plain, ...style }).format(buffer, 2, buffer.length);
  return Buffer.concat(chunks);
}

function frame(stream: 1 | 2, text: string): Buffer {
  const bytes = Buffer.from(text);
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

test.each([
  ['an ordinary line\n'],
  ['no newline at its end'],
  [''],
  ['\n'],
  ['"quoted" and \\ back \\n slashed\\'],
  ['tab\tbell\u0007return\r\n'],
  ['<html> & co \u2028\n'],
  ['ünïcödé 漢字 🚢\n'],
  ['","stream":"stderr","time":"2026-11-20T23:46:55.123456789Z"}\n'],
  ['{"log":"inner\\n","stream":"stdout","time":"2026-11-20T23:46:55.123456789Z"}\n'],
  ['x'.repeat(20_000)],
])('the text %j comes out as it went in', (text) => {
  expect(format(line(text)).toString()).toBe(frame(1, text).toString());
  expect(format(line(text, { stream: 'stderr' }), { terminal: true }).toString()).toBe(text);
});

test('many lines of all kinds come out like a plain parser reads them', () => {
  const random = seeded(7);
  const letters = ['a', 'b ', '\\', '"', '\n', '<', 'ü', '🚢', '\u0001', '\t', '}', ','];
  const times = ['2026-11-20T23:46:55Z', '2026-11-20T23:46:55.5Z', '2026-11-20T23:46:55.123456789Z'];
  const texts = Array.from({ length: 2000 }, () => ({
    text: Array.from({ length: random() % 20 }, () => letters[random() % letters.length] ?? '').join(''),
    stream: random() % 2 === 0 ? 'stdout' : 'stderr',
    time: times[random() % times.length] ?? '',
  }));
  const wanted = texts.map(({ text, stream, time }) => {
    const stamp = `${(time.length === 20 ? time.replace('Z', '.') : time.replace('Z', '')).padEnd(29, '0')}Z `;
    return {
      plain: frame(stream === 'stdout' ? 1 : 2, text),
      stamped: frame(stream === 'stdout' ? 1 : 2, stamp + text),
    };
  });
  const log = texts.map(({ text, ...rest }) => line(text, rest)).join('');
  expect(format(log).equals(Buffer.concat(wanted.map((one) => one.plain)))).toBe(true);
  expect(format(log, { timestamps: true }).equals(Buffer.concat(wanted.map((one) => one.stamped)))).toBe(true);
});

test('broken lines are passed over and what follows them is told', () => {
  const broken = [
    '{"log":"torn',
    '',
    'null',
    '{"stream":"stdout"}',
    '{"log":"x","stream":"stdout","time":"2026-11-20T23:46:55.1',
    '\u0000\u0000',
  ];
  const log = broken.map((text) => `${text}\n${line(`after ${text.length}\n`)}`).join('');
  expect(format(log, { terminal: true }).toString()).toBe(broken.map((text) => `after ${text.length}\n`).join(''));
});

test('only the streams that were asked for are told', () => {
  const log = line('out\n') + line('err\n', { stream: 'stderr' });
  expect(format(log, { stderr: false })).toEqual(frame(1, 'out\n'));
  expect(format(log, { stdout: false })).toEqual(frame(2, 'err\n'));
});

test('since and until are bounds in time, both included', () => {
  const log = ['55Z', '55.5Z', '56Z', '57.000000001Z']
    .map((end) => line(`${end} `, { time: `2026-11-20T23:46:${end}` }))
    .join('');
  const at = (seconds: number, nanos: bigint): bigint =>
    BigInt(Date.UTC(2026, 10, 20, 23, 46, seconds)) * 1_000_000n + nanos;
  const told = (bounds: Partial<LineStyle>): string => format(log, { terminal: true, ...bounds }).toString();
  expect(told({ sinceNanos: at(55, 500_000_000n) })).toBe('55.5Z 56Z 57.000000001Z ');
  expect(told({ untilNanos: at(56, 0n) })).toBe('55Z 55.5Z 56Z ');
  expect(told({ sinceNanos: at(55, 1n), untilNanos: at(57, 0n) })).toBe('55.5Z 56Z ');
});

test('a line later than until ends the reading', () => {
  const buffer = Buffer.from(line('a') + line('b', { time: '2027-01-01T00:00:00Z' }) + line('c'));
  const formatter = createLineFormatter({
    ...plain,
    terminal: true,
    untilNanos: BigInt(Date.UTC(2026, 11, 1)) * 1_000_000n,
  });
  const { chunks, isOver } = formatter.format(buffer, 0, buffer.length);
  expect({ text: Buffer.concat(chunks).toString(), isOver }).toEqual({ text: 'a', isOver: true });
});

test('details come between the time and the text; a line brings its own or gets the container’s', () => {
  const attributes = `{"log":"b\\n","stream":"stdout","attrs":{"tier":"a b","x":"1"},"time":"2026-11-20T23:46:55Z"}\n`;
  const log = line('a\n', { time: '2026-11-20T23:46:55Z' }) + attributes;
  expect(format(log, { terminal: true, timestamps: true, details: 'own=1' }).toString()).toBe(
    '2026-11-20T23:46:55.000000000Z own=1 a\n2026-11-20T23:46:55.000000000Z tier=a+b,x=1 b\n',
  );
  expect(
    formatDetails([
      ['b', '2'],
      ['a', 'ü'],
    ]),
  ).toBe('a=%C3%BC,b=2');
});

/** Numbers that are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state >>> 8;
  };
}
