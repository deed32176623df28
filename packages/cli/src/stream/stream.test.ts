import { expect, test } from 'bun:test';
import { DetachWatcher, parseDetachKeys } from './detach-keys.ts';
import { FrameReader } from './frames.ts';

function frame(kind: number, text: string): Uint8Array {
  const bytes = Buffer.alloc(8 + text.length);
  bytes[0] = kind;
  bytes.writeUInt32BE(text.length, 4);
  bytes.write(text, 8);
  return bytes;
}

test('frames are taken apart wherever the stream is cut', () => {
  const stream = Buffer.concat([
    frame(1, 'hello'),
    frame(2, 'oops'),
    frame(1, ''),
    frame(2, ' again'),
    frame(1, 'bye'),
  ]);
  for (let size = 1; size <= stream.length; size++) {
    const seen = { stdin: '', stdout: '', stderr: '' };
    const reader = new FrameReader((kind, bytes) => {
      seen[kind] += Buffer.from(bytes).toString();
    });
    for (let at = 0; at < stream.length; at += size) reader.push(Buffer.from(stream.subarray(at, at + size)));
    expect(seen).toEqual({ stdin: '', stdout: 'hellobye', stderr: 'oops again' });
  }
});

test('a stream that is no stream of frames is refused', () => {
  expect(() => new FrameReader(() => undefined).push(Buffer.from('HTTP/1.1 200'))).toThrow(
    'Unrecognized input header: 72',
  );
});

const typed = (keys: string, ...pieces: string[]): string => {
  const watcher = new DetachWatcher(parseDetachKeys(keys));
  return pieces
    .map((piece) => watcher.feed(Buffer.from(piece)))
    .map(({ bytes, isDetached }) => Buffer.from(bytes).toString() + (isDetached ? '!' : ''))
    .join('|');
};

test('the detach keys are held back until they are whole, and given on when they are not', () => {
  expect(typed('', 'ab\x10', '\x11c')).toBe('ab|!');
  expect(typed('', '\x10x')).toBe('\x10x');
  expect(typed('', '\x10', '\x10\x11')).toBe('|\x10!');
  expect(typed('a,b,c', 'xaba', 'bc')).toBe('xab|!');
  expect(typed('ctrl-@', '\x00')).toBe('!');
});

test("detach keys that are none are refused in Docker's words", () => {
  expect(() => parseDetachKeys('ctrl-foo')).toThrow("invalid detach keys (ctrl-foo): Unknown character: 'ctrl-foo'");
});
