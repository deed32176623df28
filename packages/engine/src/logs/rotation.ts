import { EngineError, messageOf, parseSize } from '@gantry/base';
import { parseGoBool, parseGoInt } from './go-values.ts';

/** How much of a log is kept: this many files of this many bytes. */
export type Rotation = {
  /** 0: no bound. */
  readonly maxSizeBytes: number;
  readonly maxFiles: number;
  readonly compress: boolean;
};

/** A log is rotated even when nobody asks, so that no host dies of one. */
const defaultMaxSizeBytes = 20 * 2 ** 20;
const defaultMaxFiles = 5;

type Options = Readonly<Record<string, string>>;

/**
 * Decides how the file is kept that the shim writes for every driver. For drivers that send lines away it is the buffer,
 * and its options are Docker's of the cache.
 *
 * @throws invalid with Docker's texts
 */
export function parseRotation(driver: string, options: Options): Rotation {
  switch (driver) {
    case 'json-file':
      return parseJsonFile(options);
    case 'local':
      return parseLocal({ size: options['max-size'], files: options['max-file'], compress: options.compress });
    default:
      return parseLocal({
        size: options['cache-max-size'],
        files: options['cache-max-file'],
        compress: options['cache-compress'],
      });
  }
}

function parseJsonFile(options: Options): Rotation {
  const size = options['max-size'];
  // Docker's own documents give -1 as "no bound", which its parser refuses.
  const maxSizeBytes = size === undefined ? defaultMaxSizeBytes : size === '-1' ? 0 : parseSize(size);
  if (size !== undefined && size !== '-1' && maxSizeBytes <= 0) refuse('max-size must be a positive number');
  const files = options['max-file'];
  const maxFiles = files === undefined ? defaultMaxFiles : parseGoInt(files);
  if (maxFiles < 1) refuse('max-file cannot be less than 1');
  const compress = options.compress !== undefined && parseGoBool(options.compress);
  if (compress && (maxFiles < 2 || maxSizeBytes === 0))
    refuse('compress cannot be true when max-file is less than 2 or max-size is not set');
  return { maxSizeBytes, maxFiles: maxSizeBytes === 0 ? 1 : maxFiles, compress };
}

type LocalOptions = Readonly<Record<'size' | 'files' | 'compress', string | undefined>>;

function parseLocal(options: LocalOptions): Rotation {
  const invalid = (name: string) => (text: string) => `invalid value for ${name}: ${text}`;
  const maxSizeBytes = named(options.size, parseSize, invalid('max-size')) ?? defaultMaxSizeBytes;
  const maxFiles = named(options.files, parseGoInt, invalid('max-file')) ?? defaultMaxFiles;
  const compress = named(options.compress, parseGoBool, () => 'error reading compress log option') ?? true;
  if (maxFiles < 1 || (compress && maxFiles < 2)) refuse('compression cannot be enabled when max file count is 1');
  return { maxSizeBytes, maxFiles: maxSizeBytes === 0 ? 1 : maxFiles, compress };
}

/** @throws invalid, after what its caller says of the text */
function named<T>(text: string | undefined, parse: (text: string) => T, what: (text: string) => string): T | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (cause) {
    throw new EngineError('invalid', `${what(text)}: ${messageOf(cause)}`, { cause });
  }
}

function refuse(text: string): never {
  throw new EngineError('invalid', text);
}
