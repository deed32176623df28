import { close, closeOnExec, sendto, socket, socketFamily, socketType, unixAddress } from '@gantry/native';

type Environment = Readonly<Record<string, string | undefined>>;

/** Tells a supervisor how the daemon is. Without one nothing is told. Spec: sd_notify(3). */
export type Notifier = Disposable & {
  /** It serves. Also after a reload, and when it took over from the process that the supervisor knows. */
  ready(): void;
  reloading(): void;
  stopping(): void;
};

/** @param takesOver the environment was made for the daemon before this one */
export function openNotifier(environment: Environment, options: { readonly takesOver: boolean }): Notifier {
  const { NOTIFY_SOCKET: path, WATCHDOG_USEC: microseconds, WATCHDOG_PID: watched } = environment;
  const say = (...lines: string[]): void => {
    if (path !== undefined && path !== '') send(path, lines.join('\n'));
  };
  const isWatched = watched === undefined || options.takesOver || Number(watched) === process.pid;
  const periodMs = isWatched ? Number(microseconds ?? 0) / 1000 : 0;
  let watchdog: NodeJS.Timeout | undefined;
  return {
    ready: () => {
      say('READY=1', `MAINPID=${process.pid}`, 'STATUS=serving');
      // The event loop answers: that is what a supervisor cannot see from outside.
      if (periodMs > 0) watchdog ??= setInterval(() => say('WATCHDOG=1'), periodMs / 2).unref();
    },
    reloading: () => say('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => say('STOPPING=1', 'STATUS=ending; containers run on'),
    [Symbol.dispose]: () => clearInterval(watchdog),
  };
}

/** A supervisor that is gone is no reason to fail: nothing depends on what it hears. */
function send(path: string, text: string): void {
  const address = unixAddress(path);
  // An abstract name begins with a NUL, and has none at its end.
  const isAbstract = path.startsWith('@');
  if (isAbstract) address[2] = 0;
  const fd = socket(socketFamily.unix, socketType.datagram, { nonBlocking: true });
  sendto(fd, new TextEncoder().encode(text), isAbstract ? address.subarray(0, -1) : address);
  close(fd);
}

/** A listening socket that a supervisor made. */
export type PassedSocket = { readonly fd: number; readonly name: string };

const firstPassed = 3;

/**
 * The sockets that came with this process, kept from whatever it starts. Spec: sd_listen_fds(3).
 *
 * @param pid whose they must be: a child that only inherited the environment has none
 */
export function passedSockets(environment: Environment, pid: number): readonly PassedSocket[] {
  const { LISTEN_PID: listenPid, LISTEN_FDS: count, LISTEN_FDNAMES: names } = environment;
  if (Number(listenPid) !== pid) return [];
  const nameOf = (names ?? '').split(':');
  return Array.from({ length: Number(count ?? 0) }, (_, index) => {
    const fd = firstPassed + index;
    closeOnExec(fd);
    return { fd, name: nameOf[index] || String(index) };
  });
}
