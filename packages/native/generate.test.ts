import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateHeader } from './generate.ts';
import { verbs } from './src/verbs.ts';

test('the C header is what the verbs generate: run `bun packages/native/generate.ts`', () => {
  expect(readFileSync(join(import.meta.dir, 'c/verbs.h'), 'utf8')).toBe(generateHeader());
});

test('no wire number is used twice', () => {
  const codes = Object.values(verbs).map((row) => row.code);
  expect(new Set(codes).size).toBe(codes.length);
});
