import { closeSync, openSync, readSync } from 'node:fs';
import { EngineError } from '@gantry/base';

/** No hosts or resolv.conf is near this long; a container can write its own as long as it likes. */
const longestBytes = 2 ** 20;

/**
 * Reads a file that a container may have written to, up to a cap.
 *
 * @throws invalid when it is longer
 */
export function readContainerFile(path: string): string {
  const bytes = Buffer.alloc(longestBytes + 1);
  const fd = openSync(path, 'r');
  try {
    const length = readSync(fd, bytes, 0, bytes.length, 0);
    if (length > longestBytes)
      throw new EngineError(
        'invalid',
        `cannot read "${path}": the container made it longer than ${longestBytes} bytes`,
      );
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(fd);
  }
}
