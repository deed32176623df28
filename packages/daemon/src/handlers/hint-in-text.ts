import { EngineError, isEngineError } from '@gantry/base';

/**
 * Docker's clients print a failure's message and nothing else. What a registry or an archive fails with they show and do
 * not match, so there the way out stands in the message, behind Docker's own text; which may name it already.
 */
export function hintInText(error: unknown): unknown {
  if (!isEngineError(error) || error.hint === undefined || error.message.includes('docker login')) return error;
  return new EngineError(error.code, `${error.message}: ${error.hint}`, { cause: error });
}
