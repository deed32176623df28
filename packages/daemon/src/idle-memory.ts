/** Long enough that a busy daemon never collects by this, short enough that a quiet one is small soon. */
const idleMs = 3000;

/**
 * Gives back what a burst of requests left behind. The collector works by growth, and a daemon that grew and then rests
 * would keep the garbage of its last burst for as long as it rests.
 *
 * @returns what is called at each request
 */
export function collectWhenIdle(): () => void {
  let timer: NodeJS.Timeout | undefined;
  const collect = (): void => {
    timer = undefined;
    Bun.gc(true);
    // And compiled code, which is made again in no time where it is needed.
    Bun.shrink();
  };
  const touch = (): void => {
    if (timer === undefined) timer = setTimeout(collect, idleMs).unref();
    else timer.refresh();
  };
  touch();
  return touch;
}
