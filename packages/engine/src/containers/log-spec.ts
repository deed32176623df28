import type { LogSpec } from '@gantry/native';
import { parseRotation } from '../logs/index.ts';
import type { HostConfig } from './types.ts';

/**
 * Decides how the shim keeps what a container writes: in a file, whatever the driver, so that no line waits for anybody.
 *
 * @throws invalid for options that the driver does not know
 */
export function logSpec({ type, config }: HostConfig['logConfig'], path: string): LogSpec {
  if (type === 'none') return { kind: 'none' };
  const { maxSizeBytes, maxFiles } = parseRotation(type, config);
  return { kind: 'json-file', path, maxSizeBytes, maxFiles };
}
