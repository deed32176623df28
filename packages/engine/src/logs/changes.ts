import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';

/** Tells when a log may have grown. Ask `next` before the last look: what happens in between is then not missed. */
export type LogChanges = Disposable & {
  /** The writer has ended: one more look, and everything was seen. */
  readonly isEnded: boolean;
  /** Settles at the next change, at the end of the writer, or when the signal aborts. */
  next(): Promise<void>;
};

/** Should a watch fail to tell (a queue that overflowed, a file system without inotify), the log is looked at this often. */
const lookAgainMs = 1000;

export function watchLog(path: string, ended: Promise<unknown>, signal: AbortSignal): LogChanges {
  let change = Promise.withResolvers<void>();
  const tell = (): void => {
    change.resolve();
    change = Promise.withResolvers();
  };
  // The directory, since the file itself is another one after each rotation.
  const watcher: FSWatcher = watch(dirname(path), { persistent: false }, tell);
  // A directory that is removed with its container tells by an error; the end of the writer says the rest.
  watcher.on('error', tell);
  const timer = setInterval(tell, lookAgainMs);
  timer.unref();
  signal.addEventListener('abort', tell);
  let isEnded = false;
  const end = (): void => {
    isEnded = true;
    tell();
  };
  ended.then(end, end);
  return {
    get isEnded() {
      return isEnded;
    },
    next: () => change.promise,
    [Symbol.dispose]: () => {
      watcher.close();
      clearInterval(timer);
      signal.removeEventListener('abort', tell);
      tell();
    },
  };
}
