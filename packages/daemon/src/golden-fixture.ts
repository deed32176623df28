import { expect } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatJson, type Json } from '@gantry/api';

/** Compares text with a golden file beside the tests; `GOLDEN=update` writes it. */
export function expectGolden(name: string, text: string): void {
  const directory = join(import.meta.dir, '__golden__');
  const path = join(directory, `${name}.txt`);
  if (process.env.GOLDEN === 'update' || !existsSync(path)) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, 'utf8'));
}

/** A document as it goes over the wire, laid out for a reader. */
export function expectGoldenDocument(name: string, document: unknown): void {
  expectGolden(name, `${JSON.stringify(JSON.parse(formatJson(document as Json)), undefined, 2)}\n`);
}
