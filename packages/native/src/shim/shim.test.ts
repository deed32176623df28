import { expect, test } from 'bun:test';
import { encodeAttach, encodeFrame, encodeResize, encodeSignal, type Frame, FrameDecoder } from './frames.ts';
import { frameType } from './protocol.ts';
import { parseExitRecord, parseFailedRecord, parseStatusRecord } from './records.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('frames come out whole, however the stream was cut', () => {
  const frames = [
    { type: frameType.started, payload: bytes('{"pid":1}') },
    { type: frameType.start, payload: bytes('') },
    { type: frameType.stdout, payload: new Uint8Array(9_000).fill(7) },
  ];
  const stream = Buffer.concat(frames.map((frame) => encodeFrame(frame.type, frame.payload)));
  for (const step of [1, 7, 8, 9, 4096, stream.length]) {
    const decoder = new FrameDecoder();
    const decoded: Frame[] = [];
    for (let at = 0; at < stream.length; at += step) decoded.push(...decoder.push(stream.subarray(at, at + step)));
    expect(decoded).toEqual(frames);
    expect(decoder.pendingBytes).toBe(0);
  }
});

test('bytes that are no frame are refused at once, not collected', () => {
  expect(() => new FrameDecoder().push(Uint8Array.of(1, 0, 0, 0, 0x7f, 0, 0, 0))).toThrow('not a frame');
  expect(() => new FrameDecoder().push(bytes('HTTP/1.1 200 OK'))).toThrow('not a frame');
});

test('requests have the bytes of the protocol', () => {
  expect(
    [encodeSignal(15), encodeSignal(9, true), encodeResize(24, 80), encodeAttach({ stdin: true, stderr: true })].map(
      (frame) => frame.toHex(),
    ),
  ).toEqual([
    '11000000000000080f00000000000000',
    '11000000000000080900000001000000',
    '120000000000000418005000',
    '140000000000000405000000',
  ]);
});

const exit = '{"version":1,"pid":7,"exitCode":137,"signal":9,"oomKilled":true,"startedAt":"17","finishedAt":"18"}';

test('a whole record is parsed, a cut or foreign one refused', () => {
  expect(parseExitRecord(exit)).toMatchObject({ exitCode: 137, signal: 9, oomKilled: true, finishedAt: '18' });
  for (const text of [
    '',
    '[]',
    'null',
    exit.slice(0, -1),
    exit.replace('137', '-1'),
    exit.replace('"18"', '18'),
    exit.replace('true', '1'),
  ]) {
    expect(() => parseExitRecord(text)).toThrow('exit record');
  }
  expect(() => parseFailedRecord('{"part":"x","index":0,"step":"","errno":2}')).toThrow('"part"');
  expect(() =>
    parseStatusRecord('{"version":1,"shimPid":1,"pid":2,"startTicks":3,"state":"dead","startedAt":""}'),
  ).toThrow('"state"');
});
