import { checked, pathAddress, syscall, trySyscall } from './libc.ts';

const command = { setString: 1, create: 6 } as const;
const closeOnExec = 1;

/**
 * Mounts a filesystem in no place and in no mount table: it is there as long as the descriptor is open, which is its top.
 *
 * @throws SystemError ENODEV when the kernel has no such filesystem, and what the filesystem says to its options
 */
export function mountDetached(type: string, options: Readonly<Record<string, string>>): number {
  const context = checked(trySyscall('fsopen', pathAddress(type), closeOnExec), 'fsopen', type);
  try {
    for (const [name, value] of Object.entries(options)) {
      const set = trySyscall('fsconfig', context, command.setString, pathAddress(name), pathAddress(value, 1), 0);
      checked(set, 'fsconfig', name);
    }
    checked(trySyscall('fsconfig', context, command.create, null, null, 0), 'fsconfig', type);
    return checked(trySyscall('fsmount', context, closeOnExec, 0), 'fsmount', type);
  } finally {
    syscall('close', context);
  }
}
