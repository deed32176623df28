import { EngineError, type ErrorCode, isEngineError } from '@gantry/base';
import { isSystemError } from '@gantry/native';
import type { AppliedLayer } from '../apply/apply-layer.ts';
import type { Hiding } from '../apply/layer-writer.ts';

/** What a worker is asked: unpack this part of that file into this directory. */
export type UnpackRequest = {
  /** Host path of the file with the layer's bytes. */
  readonly file: string;
  readonly offset: number;
  /** Shared with whoever still writes the file. */
  readonly growth: SharedArrayBuffer;
  /** Host path of an empty directory. */
  readonly directory: string;
  readonly hiding: Hiding;
};

export type WorkerReply =
  | { readonly kind: 'progress'; readonly consumedBytes: number }
  | { readonly kind: 'done'; readonly layer: AppliedLayer }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined };

/** An error in a form that crosses threads. */
export function describeFailure(error: unknown): WorkerReply {
  if (isEngineError(error)) return { kind: 'failed', code: error.code, message: error.message, hint: error.hint };
  if (isSystemError(error, 'ENOSPC', 'EDQUOT')) {
    const hint = 'make room on the data root: docker image prune, docker container prune';
    return { kind: 'failed', code: 'unavailable', message: 'cannot unpack layer: no space left on device', hint };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'failed', code: 'internal', message: `cannot unpack layer: ${message}`, hint: undefined };
}

export function failureOf(reply: WorkerReply & { kind: 'failed' }): EngineError {
  return new EngineError(reply.code, reply.message, reply.hint === undefined ? {} : { hint: reply.hint });
}
