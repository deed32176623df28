import { expect, test } from 'bun:test';
import { KeyedLock } from './keyed-lock.ts';

test('holders of one key run one after another, in the order of asking', async () => {
  const locks = new KeyedLock();
  const seen: string[] = [];
  const work = async (name: string): Promise<void> => {
    await using _lock = await locks.hold('a');
    seen.push(`${name} in`);
    await Promise.resolve();
    seen.push(`${name} out`);
  };
  await Promise.all([work('1'), work('2'), work('3')]);
  expect(seen).toEqual(['1 in', '1 out', '2 in', '2 out', '3 in', '3 out']);
  expect(locks.size).toBe(0);
});

test('different keys do not wait for each other', async () => {
  const locks = new KeyedLock();
  await using _a = await locks.hold('a');
  await using _b = await locks.hold('b');
  expect(locks.size).toBe(2);
});

test('who holds what, and since when, can be asked', async () => {
  let time = 5;
  const locks = new KeyedLock(() => time);
  {
    await using _first = await locks.hold('a');
    const second = locks.hold('a');
    expect(locks.held).toEqual([{ key: 'a', since: 5 }]);
    time = 7;
    void second.then((lock) => lock[Symbol.asyncDispose]());
  }
  await using _third = await locks.hold('a');
  expect(locks.held).toEqual([{ key: 'a', since: 7 }]);
});

test('an aborted wait leaves the queue, and the next in line still gets its turn', async () => {
  const locks = new KeyedLock();
  const first = await locks.hold('a');
  const stop = new AbortController();
  const second = locks.hold('a', stop.signal);
  const third = locks.hold('a');
  stop.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  await first[Symbol.asyncDispose]();
  await (await third)[Symbol.asyncDispose]();
  expect(locks.size).toBe(0);
});
