import { expect, test } from 'bun:test';
import { EngineError } from './errors.ts';
import { formatSignal, parseSignal } from './signals.ts';

test('a signal is named by number, by name with or without SIG, or relative to the real-time range', () => {
  const cases: [string, number][] = [
    ['9', 9],
    ['KILL', 9],
    ['sigterm', 15],
    ['SIGRTMIN+3', 37],
    ['RTMAX-1', 63],
    ['SIGPOLL', 29],
  ];
  for (const [text, number] of cases) expect(parseSignal(text)).toBe(number);
});

test('what is no signal is refused with the text that clients know', () => {
  for (const text of ['', '0', '65', 'FOO', 'RTMIN+40', '-9', '9x']) {
    expect(() => parseSignal(text)).toThrow(new EngineError('invalid', `invalid signal: ${text}`));
  }
});

test('a signal has the name that it is parsed by', () => {
  expect([9, 6, 29, 34, 37, 64].map(formatSignal)).toEqual([
    ...['SIGKILL', 'SIGABRT', 'SIGIO'],
    ...['SIGRTMIN', 'SIGRTMIN+3', 'SIGRTMAX'],
  ]);
  for (let number = 1; number < 32; number++) expect(parseSignal(formatSignal(number))).toBe(number);
  expect(formatSignal(33)).toBe('signal 33');
});
