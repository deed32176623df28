import type { LogMark } from './mark.ts';

/** Keeps the newest mark whose lines have arrived; rows are written now and then, since a double line is no loss. */
export type Progress = Disposable & {
  /** Everything up to the mark was sent. */
  sent(mark: LogMark): void;
  /** Everything that was sent has arrived. */
  arrived(): void;
};

const saveEveryMs = 200;

/** @param settleMs how long after it was sent, while nothing is said to the contrary, a line counts as arrived */
export function createProgress(save: (mark: LogMark) => void, settleMs: number): Progress {
  let unsettled: { readonly mark: LogMark; readonly sentAt: number }[] = [];
  let timer: NodeJS.Timeout | undefined;
  const saveOlderThan = (ageMs: number): void => {
    const before = performance.now() - ageMs;
    const settled = unsettled.filter(({ sentAt }) => sentAt <= before);
    const newest = settled.at(-1);
    if (newest === undefined) return;
    unsettled = unsettled.slice(settled.length);
    save(newest.mark);
  };
  const tick = (): void => {
    timer = undefined;
    saveOlderThan(settleMs);
    if (unsettled.length > 0) later();
  };
  const later = (): void => {
    timer ??= setTimeout(tick, Math.max(settleMs, saveEveryMs)).unref();
  };
  return {
    sent: (mark) => {
      unsettled.push({ mark, sentAt: performance.now() });
      later();
    },
    arrived: () => saveOlderThan(0),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      saveOlderThan(settleMs);
    },
  };
}
