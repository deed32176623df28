import { readFileSync } from 'node:fs';

/** How many descriptors this process may have open. */
export function readDescriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
}
