import { EngineError } from '@gantry/base';
import { close, isSystemError, type Owner, openat2, openFlag, pread, resolveFlag } from '@gantry/native';

/** No passwd or group file of sense is larger. */
const maximumFileBytes = 2 ** 20;
const maximumIdentifier = 0x7fffffff;

/**
 * Looks up a USER text (`name`, `uid`, `name:group`, `uid:gid`) in a tree's own /etc/passwd and /etc/group. A number is
 * a number, whatever the files call it (CVE-2016-3697).
 *
 * @throws invalid for a name that is not there
 */
export function lookupOwner(root: number, user: string): Owner {
  const [name = '', group] = user.split(':', 2);
  const number = parseIdentifier(name);
  const row = records(root, 'etc/passwd').find(([known, , uid]) =>
    number === undefined ? known === name : uid === String(number),
  );
  const uid = number ?? parseIdentifier(row?.[2] ?? '');
  if (uid === undefined)
    throw new EngineError('invalid', `unable to find user ${name}: no matching entries in passwd file`);
  return { uid, gid: group === undefined ? (parseIdentifier(row?.[3] ?? '') ?? 0) : lookupGroup(root, group) };
}

function lookupGroup(root: number, group: string): number {
  const row = records(root, 'etc/group').find(([known]) => known === group);
  const gid = parseIdentifier(group) ?? parseIdentifier(row?.[2] ?? '');
  if (gid !== undefined) return gid;
  throw new EngineError('invalid', `unable to find group ${group}: no matching entries in group file`);
}

function parseIdentifier(text: string): number | undefined {
  return /^[0-9]{1,10}$/.test(text) && Number(text) <= maximumIdentifier ? Number(text) : undefined;
}

/** The fields of each line; a file that is not there has none. */
function records(root: number, path: string): string[][] {
  try {
    const resolve = resolveFlag.inRoot | resolveFlag.noMagicLinks;
    const fd = openat2(root, path, { flags: openFlag.readOnly | openFlag.nonBlock, resolve });
    try {
      const bytes = new Uint8Array(maximumFileBytes);
      const text = new TextDecoder().decode(bytes.subarray(0, pread(fd, bytes, 0)));
      return text.split('\n').map((line) => line.split(':'));
    } finally {
      close(fd);
    }
  } catch (error) {
    if (isSystemError(error)) return [];
    throw error;
  }
}
