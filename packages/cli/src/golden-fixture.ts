import { expect } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Compares text with a golden file; `GOLDEN=update` writes it. */
export function expectGolden(name: string, text: string): void {
  const directory = join(import.meta.dir, '__golden__');
  const path = join(directory, `${name}.txt`);
  if (process.env.GOLDEN === 'update' || !existsSync(path)) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, 'utf8'));
}
