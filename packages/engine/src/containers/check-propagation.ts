import { EngineError } from '@gantry/base';
import type { MountPoint } from './types.ts';

/**
 * Refuses a bind that asks for more propagation than its source has: mounts would silently stay on one side.
 *
 * @param mountinfo text of /proc/self/mountinfo
 * @param source the bind's source without symbolic links
 * @throws invalid with Docker's texts
 */
export function checkPropagation(
  mountinfo: string,
  point: Pick<MountPoint, 'source' | 'propagation'>,
  source: string,
): void {
  const wanted = point.propagation.replace(/^r/, '');
  if (wanted !== 'shared' && wanted !== 'slave') return;
  const mount = mountOf(mountinfo, source);
  const isShared = mount.fields.some((field) => field.startsWith('shared:'));
  const isSlave = mount.fields.some((field) => field.startsWith('master:'));
  if (isShared || (wanted === 'slave' && isSlave)) return;
  throw new EngineError(
    'invalid',
    `path ${point.source} is mounted on ${mount.path} but it is not a shared ${wanted === 'slave' ? 'or slave ' : ''}mount`,
    { hint: `mount --make-shared ${mount.path}` },
  );
}

/** The mount that a path lies on: the longest mount point above it, the later one when mounts are stacked. */
function mountOf(mountinfo: string, path: string): { readonly path: string; readonly fields: readonly string[] } {
  let found: { path: string; fields: readonly string[] } = { path: '/', fields: [] };
  for (const line of mountinfo.split('\n')) {
    const [before = ''] = line.split(' - ', 1);
    const columns = before.split(' ');
    const mountPoint = unescapeOctal(columns[4] ?? '');
    const isAbove = mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
    if (mountPoint !== '' && isAbove && mountPoint.length >= found.path.length)
      found = { path: mountPoint, fields: columns.slice(6) };
  }
  return found;
}

/** Blanks and backslashes in mountinfo are written as `\040`. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
