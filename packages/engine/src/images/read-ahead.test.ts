import { expect, test } from 'bun:test';
import { readAhead } from './read-ahead.ts';

const bytes = (size: number): Uint8Array => new Uint8Array(size);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('all chunks come, in order, and then what the source threw', async () => {
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const size of [1, 2, 3]) yield bytes(size);
    throw new Error('the disk is gone');
  }
  const sizes: number[] = [];
  const read = async (): Promise<void> => {
    for await (const chunk of readAhead(source(), 2)) sizes.push(chunk.length);
  };
  await expect(read()).rejects.toThrow('the disk is gone');
  expect(sizes).toEqual([1, 2, 3]);
});

test('no more is read ahead than was allowed, and leaving ends the source', async () => {
  let made = 0;
  let hasEnded = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        made++;
        yield bytes(10);
      }
    } finally {
      hasEnded = true;
    }
  }
  for await (const _ of readAhead(source(), 50)) {
    for (let i = 0; i < 100; i++) await turn();
    break;
  }
  expect([made, hasEnded]).toEqual([6, true]);
});
