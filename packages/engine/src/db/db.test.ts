import { expect, test } from 'bun:test';
import { openDb } from './index.ts';

test('a transaction that could not begin leaves the next one whole', () => {
  using db = openDb(':memory:');
  db.define('CREATE TABLE fact (id INTEGER PRIMARY KEY) STRICT');
  const insert = db.prepare<never>('INSERT INTO fact VALUES (?)');
  const count = db.prepare<{ n: number }>('SELECT count(*) AS n FROM fact');
  // Whatever makes BEGIN fail: an error of the disk, no memory, or, as here, a transaction of another's.
  db.define('BEGIN');
  expect(() => db.tx(() => undefined)).toThrow('within a transaction');
  db.define('ROLLBACK');
  expect(() =>
    db.tx(() => {
      insert.run(1);
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(count.get()?.n).toBe(0);
  const done: string[] = [];
  db.tx(() => db.afterCommit(() => done.push('after')));
  expect(done).toEqual(['after']);
});
