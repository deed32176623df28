import type { ProgressWire } from '@gantry/api';
import { formatSize } from '@gantry/base';
import type { ProgressEvent } from '@gantry/engine';
import { printDescriptor } from './image.ts';

const barWidth = 50;

/** The bar that clients without their own drawing show: `[=====>      ]  1.2MB/3.4MB`. */
function progressBar(current: number, total: number): string {
  const numbers = `${formatSize(current).padStart(8)}${total > 0 ? `/${formatSize(total)}` : ''}`;
  if (total <= 0) return numbers;
  const done = Math.min(barWidth, Math.trunc(Math.trunc((current / total) * 100) / 2));
  return `[${'='.repeat(done)}>${' '.repeat(barWidth - done)}] ${numbers}`;
}

/** The lines of one event: what happened, and for programs what a push ended as. */
export function printProgress(event: ProgressEvent): ProgressWire[] {
  const { pushed, insteadOfIndex } = event;
  if (insteadOfIndex !== undefined) {
    const { index, manifest } = insteadOfIndex;
    const aux = {
      manifestPushedInsteadOfIndex: true,
      originalIndex: printDescriptor(index),
      selectedManifest: printDescriptor(manifest),
    };
    return [{ progressDetail: {}, aux }];
  }
  if (pushed === undefined) return [printStep(event)];
  const { tag, digest, sizeBytes } = pushed;
  return [printStep(event), { progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: sizeBytes } }];
}

/** A step of a layer always has its detail, even when there is nothing to count. */
function printStep(event: ProgressEvent): ProgressWire {
  const { id, status, current, total } = event;
  const counted = current !== undefined && current > 0;
  if (!counted) return { status, ...(id === undefined ? {} : { progressDetail: {}, id }) };
  return {
    status,
    progressDetail: { current, ...(total === undefined ? {} : { total }) },
    progress: progressBar(current, total ?? 0),
    ...(id === undefined ? {} : { id }),
  };
}

/** How a failure reads once the status of a stream is sent. */
export function printFailure(failure: { message: string; hint?: string }): ProgressWire {
  return { errorDetail: failure, error: failure.message };
}
