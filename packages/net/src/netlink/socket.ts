import { EngineError } from '@gantry/base';
import {
  close,
  errnoName,
  netlinkAddress,
  recv,
  sendto,
  socket,
  socketFamily,
  socketType,
  trySyscall,
} from '@gantry/native';
import { controlType, type NetlinkMessage, parseAcknowledgement, parseMessages } from './reader.ts';
import { MessageWriter } from './writer.ts';

/** NETLINK_* protocol numbers. */
export const netlinkFamily = { route: 0, netfilter: 12 } as const;

const level = 270;
const extendedAck = { level, name: 11 };
const strictChecking = { level, name: 12 };
const receiveBuffer = { level: 1, name: 33 };

/** A refusal of the kernel: which errno, and its own words when it gave some. */
export class NetlinkError extends EngineError {
  readonly errno: number;
  /** `EEXIST` and so on. */
  readonly errnoName: string;
  /** Which message of the batch, counted from 1. */
  readonly sequence: number;

  constructor(what: string, failure: { errno: number; text: string; sequence: number }) {
    const name = errnoName(failure.errno);
    super('internal', `cannot ${what}: ${failure.text === '' ? name : `${failure.text} (${name})`}`);
    this.errno = failure.errno;
    this.errnoName = name;
    this.sequence = failure.sequence;
  }
}

export function isNetlinkError(error: unknown, ...names: readonly string[]): error is NetlinkError {
  return error instanceof NetlinkError && (names.length === 0 || names.includes(error.errnoName));
}

/**
 * A netlink socket of the network namespace that the thread is in when it is opened; it stays there for life.
 *
 * Calls are synchronous: the kernel has answered by the time `sendto` returns. One life: open with `using`, `request`
 * for changes, `dump` for lists.
 */
export class NetlinkSocket implements Disposable {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(64 * 1024);

  constructor(family: number) {
    this.#fd = socket(socketFamily.netlink, socketType.raw, { protocol: family });
    // Only wishes: an old kernel says less about errors and filters dumps less.
    trySyscall('setsockopt', this.#fd, extendedAck.level, extendedAck.name, Int32Array.of(1), 4);
    trySyscall('setsockopt', this.#fd, strictChecking.level, strictChecking.name, Int32Array.of(1), 4);
    trySyscall('setsockopt', this.#fd, receiveBuffer.level, receiveBuffer.name, Int32Array.of(4 << 20), 4);
  }

  get fd(): number {
    return this.#fd;
  }

  /**
   * Sends messages that each ask for an acknowledgement and waits for all of them.
   *
   * @param what ends the sentence "cannot …" of a failure
   * @throws NetlinkError of the first message that the kernel refused; the others were still done
   */
  request(what: string, messages: Uint8Array | ((writer: MessageWriter) => void)): void {
    const bytes = typeof messages === 'function' ? written(messages) : messages;
    const wanted = parseMessages(bytes).filter((message) => (message.flags & 4) !== 0).length;
    // A batch that failed at its commit leaves an acknowledgement behind that belongs to nobody.
    while (recv(this.#fd, this.#buffer, dontWait) > 0);
    this.#send(what, bytes);
    let refusal: { errno: number; text: string; sequence: number } | undefined;
    for (let answered = 0; answered < wanted; ) {
      for (const message of this.#receive(what)) {
        if (message.type !== controlType.error) continue;
        const acknowledgement = parseAcknowledgement(message);
        answered++;
        if (acknowledgement.errno !== 0) refusal ??= acknowledgement;
      }
    }
    if (refusal !== undefined) throw new NetlinkError(what, refusal);
  }

  /** Asks for a list, again when it changed under the reading. @throws NetlinkError */
  dump(what: string, write: (writer: MessageWriter) => void): NetlinkMessage[] {
    for (let attempt = 1; ; attempt++) {
      const list = this.#dumpOnce(what, write);
      if (attempt === maxDumps || list.every((message) => (message.flags & dumpInterrupted) === 0)) return list;
    }
  }

  #dumpOnce(what: string, write: (writer: MessageWriter) => void): NetlinkMessage[] {
    const list: NetlinkMessage[] = [];
    this.#send(what, written(write));
    for (;;) {
      for (const message of this.#receive(what)) {
        if (message.type === controlType.done) return list;
        if (message.type === controlType.error) {
          const acknowledgement = parseAcknowledgement(message);
          if (acknowledgement.errno !== 0) throw new NetlinkError(what, acknowledgement);
          return list;
        }
        list.push({ ...message, body: message.body.slice() });
      }
    }
  }

  /** Asks for one thing that comes back as one message. @throws NetlinkError ENODEV, ENOENT, … when there is none */
  get(what: string, write: (writer: MessageWriter) => void): NetlinkMessage {
    this.#send(what, written(write));
    const message = this.#receive(what)[0];
    if (message === undefined) throw new Error('unreachable: the kernel answered with nothing');
    if (message.type === controlType.error) throw new NetlinkError(what, parseAcknowledgement(message));
    return { ...message, body: message.body.slice() };
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }

  #send(what: string, bytes: Uint8Array): void {
    const sent = sendto(this.#fd, bytes, kernel);
    if (sent < 0) throw new NetlinkError(what, { errno: -sent, text: '', sequence: 0 });
  }

  #receive(what: string): NetlinkMessage[] {
    // The answer is there already, so an empty queue is a fault and not a reason to block the thread for ever.
    const length = recv(this.#fd, this.#buffer, dontWait);
    if (length < 0) throw new NetlinkError(what, { errno: -length, text: '', sequence: 0 });
    return parseMessages(this.#buffer.subarray(0, length));
  }
}

/** Sends a transaction that makes a table; when the table exists already, the one that replaces it. */
export function installTable(
  socket: NetlinkSocket,
  what: string,
  batch: (as: 'fresh' | 'replacement') => Uint8Array,
): void {
  try {
    socket.request(what, batch('fresh'));
  } catch (error) {
    if (!isNetlinkError(error, 'EEXIST')) throw error;
    socket.request(what, batch('replacement'));
  }
}

const kernel = netlinkAddress();
const dontWait = 0x40;
const dumpInterrupted = 0x10;
const maxDumps = 8;

function written(write: (writer: MessageWriter) => void): Uint8Array {
  const writer = new MessageWriter();
  write(writer);
  return writer.finish();
}
