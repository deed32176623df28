import { formatSize, messageOf } from '@gantry/base';
import type { Engine } from '@gantry/engine';
import { imageUse } from './handlers/images.ts';
import type { Log } from './log.ts';

/** Whoever asks for something comes first: nothing is collected until nobody has for so long … */
const quietMs = 3000;
/** … or since the last time for so long. */
const longestMs = 300_000;
/** Disks fill and images age while nobody asks for anything, too. */
const restMs = 60_000;

/**
 * Collects images by the policy in quiet moments, with a line in the log for each.
 *
 * @returns what is called at each request; disposing waits for a collection that is under way
 */
export function collectImagesWhenQuiet(engine: Engine, log: Log): AsyncDisposable & { readonly touch: () => void } {
  let lastAt = performance.now();
  let running: Promise<void> | undefined;
  let isOver = false;
  const next = (afterMs: number): NodeJS.Timeout => setTimeout(begin, afterMs).unref();
  const begin = (): void => {
    running = collect(engine, log).finally(() => {
      running = undefined;
      lastAt = performance.now();
      if (!isOver) timer = next(restMs);
    });
  };
  let timer = next(quietMs);
  return {
    touch: () => {
      if (running !== undefined || performance.now() - lastAt > longestMs) return;
      clearTimeout(timer);
      timer = next(quietMs);
    },
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      clearTimeout(timer);
      await running;
    },
  };
}

async function collect(engine: Engine, log: Log): Promise<void> {
  const use = imageUse(engine);
  try {
    const { images, partialBytes } = await engine.images.collect((id) => use(id).length > 0);
    if (partialBytes > 0) log.info('partial blobs collected', { reclaimed: formatSize(partialBytes) });
    for (const { id, name, why, reclaimedBytes } of images)
      log.info('image collected', { image: name, id, why, reclaimed: formatSize(reclaimedBytes) });
  } catch (error) {
    log.error('cannot collect images', { error: messageOf(error) });
  }
}
