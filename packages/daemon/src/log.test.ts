import { expect, test } from 'bun:test';
import { openLog } from './log.ts';

const now = (): Date => new Date('2026-11-20T00:00:00Z');

test('text lines are logfmt, quoted where they must be', () => {
  const lines: string[] = [];
  const log = openLog({ level: () => 'info', format: 'text', write: (line) => lines.push(line), now });
  log.info('API listen', { address: 'unix:///a.sock', why: 'a "b"\nc', left: undefined });
  expect(lines).toEqual([
    'time=2026-11-20T00:00:00.000Z level=info msg="API listen" address=unix:///a.sock why="a \\"b\\"\\nc"\n',
  ]);
});

test('JSON lines are one object each, and lower levels are left out', () => {
  const lines: string[] = [];
  const log = openLog({ level: () => 'warn', format: 'json', write: (line) => lines.push(line), now });
  log.info('no');
  log.error('yes', { n: 1 });
  expect(lines).toEqual(['{"time":"2026-11-20T00:00:00.000Z","level":"error","msg":"yes","n":1}\n']);
});
