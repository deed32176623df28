import { expect, test } from 'bun:test';
import { detachFilter, parseDetachKeys } from './detach-keys.ts';

function typed(keys: string, ...chunks: string[]): { passed: string; detached: boolean } {
  let detached = false;
  let passed = '';
  const filter = detachFilter(parseDetachKeys(keys), () => {
    detached = true;
  });
  filter.on('data', (chunk: Buffer) => {
    passed += chunk.toString('latin1');
  });
  for (const chunk of chunks) filter.write(Buffer.from(chunk, 'latin1'));
  filter.end();
  return { passed, detached };
}

test('a sequence is letters, control letters and control signs', () => {
  expect([...parseDetachKeys('ctrl-p,ctrl-q')]).toEqual([16, 17]);
  expect([...parseDetachKeys('a,ctrl-\\,ctrl-@')]).toEqual([97, 28, 0]);
  expect([...parseDetachKeys('')]).toEqual([]);
  expect(() => parseDetachKeys('ctrl-1')).toThrow("unknown character: 'ctrl-1'");
  expect(() => parseDetachKeys('é')).toThrow('invalid detach keys');
});

test('the whole sequence detaches, also in pieces, and is swallowed with all that follows', () => {
  expect(typed('ctrl-p,ctrl-q', 'ab\x10\x11cd')).toEqual({ passed: 'ab', detached: true });
  expect(typed('ctrl-p,ctrl-q', 'ab\x10', '\x11cd', 'e')).toEqual({ passed: 'ab', detached: true });
});

test('a sequence that breaks off reaches the process', () => {
  expect(typed('ctrl-p,ctrl-q', 'a\x10b')).toEqual({ passed: 'a\x10b', detached: false });
  expect(typed('ctrl-p,ctrl-q', '\x10', '\x10\x11')).toEqual({ passed: '\x10', detached: true });
  expect(typed('ctrl-p,ctrl-q', 'a\x10')).toEqual({ passed: 'a\x10', detached: false });
});
