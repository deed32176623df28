import type { Clock } from './types.ts';

const nanosPerMs = 1_000_000n;

/**
 * The wall clock with nanoseconds: the runtime tells milliseconds, so the steps between them come from the monotonic
 * clock. It never strays from the wall clock by a millisecond, also after that was set.
 *
 * @param wallMs Unix milliseconds
 * @param monotonicNanos a clock that only goes forward
 */
export function createSystemClock(wallMs = Date.now, monotonicNanos = process.hrtime.bigint): Clock {
  let offset = BigInt(wallMs()) * nanosPerMs - monotonicNanos();
  return () => {
    const wall = BigInt(wallMs()) * nanosPerMs;
    const time = monotonicNanos() + offset;
    if (time < wall) offset += wall - time;
    else if (time >= wall + nanosPerMs) offset -= time - (wall + nanosPerMs - 1n);
    else return time;
    return monotonicNanos() + offset;
  };
}
