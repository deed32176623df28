import { answersQuery, type DnsQuery, dnsCodeOf, responseCode, withDnsId } from '@gantry/net';
import { inNetworkNamespace } from './in-network-namespace.ts';
import type { Upstream } from './resolv-conf.ts';

/** Docker's limits: servers tried, time each has, queries on their way at one time. */
const maxServers = 3;
const timeoutMs = 4000;
const maxInFlight = 1024;
const dnsPort = 53;

/** A query on its way up. `namespacePath` is where a server of the container's own is asked from. */
export type Forward = {
  readonly bytes: Uint8Array;
  readonly query: DnsQuery;
  readonly upstreams: readonly Upstream[];
  readonly namespacePath: string;
  readonly overTcp: boolean;
};

let inFlight = 0;

/**
 * Asks the servers one after another and gives the first answer that is one, with the client's ID.
 *
 * @returns undefined when none answered, or when too many queries are on their way already
 */
export async function forwardQuery(forward: Forward): Promise<Uint8Array | undefined> {
  if (inFlight >= maxInFlight) return undefined;
  inFlight++;
  let refusal: Uint8Array | undefined;
  try {
    for (const upstream of forward.upstreams.slice(0, maxServers)) {
      const answer = await ask(forward, upstream);
      if (answer === undefined) continue;
      const restored = withDnsId(answer, forward.query.id);
      const code = dnsCodeOf(answer);
      if (code !== responseCode.serverFailure && code !== responseCode.refused) return restored;
      // Another server may know better; when none does, the client hears what the first one said.
      refusal ??= restored;
    }
    return refusal;
  } finally {
    inFlight--;
  }
}

/** An ID and a port that nobody can guess: each query has a random number and a socket of its own. */
async function ask(forward: Forward, upstream: Upstream): Promise<Uint8Array | undefined> {
  const id = crypto.getRandomValues(new Uint16Array(1))[0] ?? 0;
  const bytes = withDnsId(forward.bytes, id);
  const accepts = (answer: Uint8Array): boolean => answersQuery(answer, { id, query: forward.query });
  const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
  const timer = setTimeout(() => resolve(undefined), timeoutMs);
  const start = forward.overTcp ? askOverTcp : askOverUdp;
  const exchange: Exchange = { server: upstream.address, bytes, accepts, resolve };
  let closing: Promise<() => void> | undefined;
  try {
    closing =
      upstream.from === 'host' ? start(exchange) : inNetworkNamespace(forward.namespacePath, () => start(exchange));
    closing.catch(() => resolve(undefined));
    return await promise;
  } catch {
    // No such server, or the container has just ended: the same as no answer.
    return undefined;
  } finally {
    clearTimeout(timer);
    closing?.then(
      (close) => close(),
      () => undefined,
    );
  }
}

type Exchange = {
  readonly server: string;
  readonly bytes: Uint8Array;
  readonly accepts: (answer: Uint8Array) => boolean;
  readonly resolve: (answer: Uint8Array | undefined) => void;
};

/** @returns what closes the socket. The socket is made before the first wait, in the thread's namespace of now. */
async function askOverUdp(exchange: Exchange): Promise<() => void> {
  const socket = await Bun.udpSocket({
    connect: { hostname: exchange.server, port: dnsPort },
    socket: {
      data(_socket, answer) {
        if (exchange.accepts(answer)) exchange.resolve(answer.slice());
      },
      error() {
        exchange.resolve(undefined);
      },
    },
  });
  socket.send(exchange.bytes);
  return () => socket.close();
}

async function askOverTcp(exchange: Exchange): Promise<() => void> {
  let received = new Uint8Array(0);
  const socket = await Bun.connect({
    hostname: exchange.server,
    port: dnsPort,
    socket: {
      open(opened) {
        opened.write(framed(exchange.bytes));
      },
      data(_socket, chunk) {
        received = joined(received, chunk);
        const [answer] = takeFrames(received).frames;
        if (answer !== undefined) exchange.resolve(exchange.accepts(answer) ? answer : undefined);
      },
      close() {
        exchange.resolve(undefined);
      },
    },
  });
  return () => socket.end();
}

/** A message as it goes over TCP: its length before it (RFC 1035, 4.2.2). */
export function framed(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(2 + message.length);
  frame[0] = message.length >>> 8;
  frame[1] = message.length & 255;
  frame.set(message, 2);
  return frame;
}

/** Whole messages at the start of what was received, and what is left over. */
export function takeFrames(received: Uint8Array): { frames: Uint8Array[]; rest: Uint8Array<ArrayBuffer> } {
  const frames: Uint8Array[] = [];
  let at = 0;
  while (at + 2 <= received.length) {
    const length = ((received[at] ?? 0) << 8) | (received[at + 1] ?? 0);
    if (at + 2 + length > received.length) break;
    frames.push(received.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return { frames, rest: received.slice(at) };
}

export function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
