import { setTimeout as delay } from 'node:timers/promises';
import type { Listener } from '../http/listen.ts';
import type { Turnstile } from '../http/turnstile.ts';

const pollMs = 100;
/** A client that keeps a connection for its next request has so long to make one; then it connects anew. */
const idleMs = 5_000;

/** Stays for the clients that are still connected to a daemon that gave way, until the last of them is gone. */
export async function linger(turnstile: Turnstile, listeners: readonly Listener[]): Promise<void> {
  setTimeout(() => turnstile.retire(), idleMs).unref();
  while (listeners.some(({ connections }) => connections > 0)) await delay(pollMs);
}
