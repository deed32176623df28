/** Long enough that a busy daemon never collects by this, short enough that a quiet one is small soon. */
const quietMs = 3000;
/** Compiled code is worth its memory to whoever starts containers every now and then. */
const idleMs = 60_000;

/**
 * Gives back what a burst of requests left behind. The collector works by growth, and a daemon that grew and then rests
 * would keep the garbage of its last burst for as long as it rests.
 *
 * @returns what is called at each request
 */
export function collectWhenIdle(): () => void {
  let timer: NodeJS.Timeout | undefined;
  const collect = (): void => {
    Bun.gc(true);
    timer = setTimeout(shrink, idleMs - quietMs).unref();
  };
  const shrink = (): void => {
    Bun.gc(true);
    // And compiled code, which is made again in no time where it is needed.
    Bun.shrink();
  };
  const touch = (): void => {
    clearTimeout(timer);
    timer = setTimeout(collect, quietMs).unref();
  };
  touch();
  return touch;
}
