import { cloneFlag, close, open, openFlag, setns } from '@gantry/native';

/**
 * Runs a body with the calling thread in the network namespace of a file, then returns. The body must not wait: what
 * it opens stays in that namespace for ever, and nothing else of the thread may run there.
 *
 * @throws SystemError when there is no such namespace (any more)
 */
export function inNetworkNamespace<T>(path: string, body: () => T): T {
  const home = open('/proc/thread-self/ns/net', openFlag.readOnly);
  try {
    const there = open(path, openFlag.readOnly);
    try {
      setns(there, cloneFlag.newNet);
    } finally {
      close(there);
    }
    try {
      return body();
    } finally {
      // SAFETY: a thread that stayed would open the daemon's next sockets inside a container; this throws instead.
      setns(home, cloneFlag.newNet);
    }
  } finally {
    close(home);
  }
}
