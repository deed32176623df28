import { readDirectory, syscall } from '@gantry/native';
import { rawToString } from '../byte-string.ts';

/** All names in a directory as byte strings, however often it was read before. */
export function namesIn(fd: number): string[] {
  syscall('lseek', fd, 0, 0);
  return readDirectory(fd).map(({ name }) => rawToString(name));
}
