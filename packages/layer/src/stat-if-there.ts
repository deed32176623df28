import { type FileStat, isSystemError, type PathLike, statAt } from '@gantry/native';

/** What stands under a name; undefined when nothing does, also since a moment ago. @throws SystemError */
export function statIfThere(dirFd: number, name: PathLike): FileStat | undefined {
  try {
    return statAt(dirFd, name);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}
