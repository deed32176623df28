export { EngineError, type ErrorCode, isEngineError, messageOf } from './errors.ts';
export { formatId, idLength, isFullId, shortId, shortIdLength } from './ids.ts';
export { KeyedLock } from './keyed-lock.ts';
export { formatBinarySize, formatSize, parseSize } from './sizes.ts';
