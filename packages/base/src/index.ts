export { parseDuration, sumDuration } from './durations.ts';
export { EngineError, type ErrorCode, isEngineError, isErrno, messageOf } from './errors.ts';
export {
  FlagError,
  type FlagOptions,
  type FlagSpec,
  flagBool,
  flagInt,
  flagList,
  flagText,
  invalidFlagValue,
  type ParsedFlags,
  parseFlagBool,
  parseFlags,
} from './flags.ts';
export { formatId, idLength, isFullId, shortId, shortIdLength } from './ids.ts';
export { KeyedLock } from './keyed-lock.ts';
export { formatSignal, parseSignal, sigkill } from './signals.ts';
export { formatBinarySize, formatSize, parseSize } from './sizes.ts';
