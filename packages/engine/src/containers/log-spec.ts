import { EngineError, parseSize } from '@gantry/base';
import type { LogSpec } from '@gantry/native';
import type { HostConfig } from './types.ts';

/** A log is rotated even when nobody asks, so that no host dies of one: this many files of this many bytes. */
const defaultMaxSizeBytes = 20 * 2 ** 20;
const defaultMaxFiles = 5;

/**
 * Decides how the shim keeps what a container writes.
 *
 * @throws invalid for options that the driver does not know, unsupported for other drivers
 */
export function logSpec({ type, config }: HostConfig['logConfig'], path: string): LogSpec {
  switch (type) {
    case 'none':
      return { kind: 'none' };
    case '':
    case 'json-file':
      return { kind: 'json-file', path, ...rotation(config) };
    default:
      throw new EngineError('unsupported', `cannot log with driver "${type}": not built into this engine`, {
        hint: 'use --log-driver json-file or none',
      });
  }
}

function rotation(config: Readonly<Record<string, string>>): { maxSizeBytes: number; maxFiles: number } {
  const size = config['max-size'];
  const files = config['max-file'];
  const maxFiles = files === undefined ? defaultMaxFiles : Number(files);
  if (!Number.isInteger(maxFiles) || maxFiles < 1)
    throw new EngineError('invalid', `invalid value for max-file: "${files}": must be a number of at least 1`);
  // Docker's word for "no bound"; a file count then says nothing.
  if (size === '-1') return { maxSizeBytes: 0, maxFiles: 1 };
  return { maxSizeBytes: size === undefined ? defaultMaxSizeBytes : parseSize(size), maxFiles };
}
