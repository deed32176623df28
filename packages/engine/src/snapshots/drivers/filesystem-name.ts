import { statfs } from '@gantry/native';

/** Magic numbers of the filesystems that data roots lie on, under Docker's names. Fact: linux/magic.h. */
const filesystems: ReadonlyMap<number, string> = new Map([
  [0xef53, 'extfs'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlayfs'],
  [0x2fc12fc1, 'zfs'],
  [0x6969, 'nfs'],
  [0xf2f52010, 'f2fs'],
]);

/** @param path on the filesystem in question */
export function filesystemName(path: string): string {
  return filesystems.get(statfs(path).type) ?? '<unknown>';
}
