import { EngineError, type ErrorCode, isEngineError } from '@gantry/base';
import { isSystemError } from '@gantry/native';
import type { LaidLayer } from '../lay/lay-over.ts';
import type { Chunk } from '../pack/chunk-buffer.ts';
import type { ExtractOptions } from './extract-archive.ts';
import type { TreeChange } from './list-changes.ts';
import type { PathStat } from './stat-path.ts';
import type { TreeView } from './tree-view.ts';

/** Where a container's changes show. Paths are relative to `cwd`. */
export type ChangedDirectories =
  /** An overlay: what was changed lies in the upper directory alone. Lower ones topmost first. */
  | {
      readonly kind: 'overlay';
      readonly cwd: string;
      readonly upper: string;
      readonly lower: readonly string[];
    }
  /** A copy of the tree `below`, complete when `copied` was made; '' is a copy of nothing. */
  | {
      readonly kind: 'copy';
      readonly cwd: string;
      readonly tree: string;
      readonly below: string;
      readonly copied: string;
    };

/** A tree and a place for a copy of it that is not there yet, made file by file or as a snapshot of a subvolume. */
export type TreeCopy = { readonly from: string; readonly to: string; readonly by: 'files' | 'snapshot' };

/** What a tree thread is asked, once: each verb with what it gives back first. Directories are host paths. */
export type TreeRequest =
  | { readonly verb: 'stat'; readonly view: TreeView; readonly path: string }
  | { readonly verb: 'archive'; readonly view: TreeView; readonly path: string }
  | { readonly verb: 'extract'; readonly view: TreeView; readonly options: ExtractOptions }
  | { readonly verb: 'export'; readonly view: TreeView }
  | { readonly verb: 'changes'; readonly directories: ChangedDirectories }
  | { readonly verb: 'changedBytes'; readonly directories: ChangedDirectories }
  | { readonly verb: 'layer'; readonly directories: ChangedDirectories }
  | { readonly verb: 'copy'; readonly copy: TreeCopy }
  | { readonly verb: 'lay'; readonly copy: TreeCopy; readonly layer: string; readonly says: LaidLayer };

export type TreeReplies = {
  readonly stat: PathStat;
  readonly archive: PathStat;
  readonly extract: undefined;
  readonly export: undefined;
  readonly changes: readonly TreeChange[];
  readonly changedBytes: number;
  readonly layer: undefined;
  readonly copy: undefined;
  /** Bytes of the copy with the layer laid over it, as `measureTree` finds them. */
  readonly lay: number;
};

/** To the thread: its request, bytes of an archive and their end, room for one more chunk, or that nobody listens. */
export type ToTree =
  | { readonly kind: 'request'; readonly request: TreeRequest }
  | { readonly kind: 'bytes'; readonly bytes: Chunk }
  | { readonly kind: 'end' }
  | { readonly kind: 'room' }
  | { readonly kind: 'stop' };

/** From the thread: that the tree is open, the first answer, chunks, bytes that were taken and whose memory is free again, and one last word. */
export type FromTree =
  | { readonly kind: 'ready' }
  | { readonly kind: 'head'; readonly value: TreeReplies[keyof TreeReplies] }
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array }
  | { readonly kind: 'taken'; readonly bytes: Chunk }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined };

/** An error in a form that crosses threads. */
export function describeTreeFailure(error: unknown): FromTree {
  if (isEngineError(error)) return { kind: 'failed', code: error.code, message: error.message, hint: error.hint };
  if (isSystemError(error, 'ENOSPC', 'EDQUOT')) {
    const hint = 'make room on the data root: docker image prune, docker container prune';
    return { kind: 'failed', code: 'unavailable', message: 'no space left on device', hint };
  }
  if (isSystemError(error, 'EROFS')) {
    return { kind: 'failed', code: 'invalid', message: `${error.path ?? ''}: read-only file system`, hint: undefined };
  }
  return {
    kind: 'failed',
    code: 'internal',
    message: error instanceof Error ? error.message : String(error),
    hint: undefined,
  };
}

export function treeFailure(reply: FromTree & { kind: 'failed' }): EngineError {
  return new EngineError(reply.code, reply.message, reply.hint === undefined ? {} : { hint: reply.hint });
}
