import { readFileSync } from 'node:fs';
import { isErrno } from '@gantry/base';

/** Parses lines of `key number`, as memory.stat and cpu.stat have them. */
export function parseKeyValues(text: string): Record<string, number> {
  const values: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) values[line.slice(0, space)] = Number(line.slice(space + 1));
  }
  return values;
}

/** Text of a kernel file; empty when this kernel has no such file, or its cgroup ended while it was read. */
export function readKernelText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENODEV', 'EOPNOTSUPP', 'EINVAL'].some((code) => isErrno(error, code))) return '';
    throw error;
  }
}
