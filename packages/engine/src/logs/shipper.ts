import { randomBytes } from 'node:crypto';
import { EngineError } from '@gantry/base';
import { encodeFluentd } from './encode-fluentd.ts';
import { encodeGelf, packGelf } from './encode-gelf.ts';
import { encodeJournald } from './encode-journald.ts';
import { encodeSyslog, type SyslogShape } from './encode-syslog.ts';
import { findLocalSyslog } from './local-services.ts';
import { readAcks } from './message-pack.ts';
import { isOtherKind, openUdp, openUnixDatagrams } from './send-datagrams.ts';
import { openStream } from './send-stream.ts';
import type { Sender } from './sender.ts';
import type { Endpoint, LogEntry, LogOrigin, RemoteTarget } from './types.ts';

/** A sender that takes entries: connection and format of one driver. */
export type Shipper = Omit<Sender, 'send'> & { ship(entries: readonly LogEntry[]): Promise<void> };

const ackMs = 60_000;

/** Connects. @throws whatever keeps it from that */
export async function openShipper(target: RemoteTarget, origin: LogOrigin, signal: AbortSignal): Promise<Shipper> {
  switch (target.kind) {
    case 'syslog': {
      const shape: SyslogShape = { ...target, countsOctets: target.endpoint?.kind === 'tls' };
      const sender = await (target.endpoint === undefined
        ? openLocalSyslog(signal)
        : openEndpoint(target.endpoint, signal));
      return withEncoder(sender, (entry) => encodeSyslog(entry, origin, shape));
    }
    case 'journald':
      return withEncoder(openUnixDatagrams(target.path, signal), (entry) => encodeJournald(entry, origin));
    case 'gelf':
      return await openGelf(target, origin, signal);
    case 'fluentd':
      return target.requestAck ? await openAcked(target, origin, signal) : await openUnacked(target, origin, signal);
  }
}

async function openEndpoint(endpoint: Endpoint, signal: AbortSignal): Promise<Sender> {
  switch (endpoint.kind) {
    case 'udp':
      return await openUdp(endpoint);
    case 'unixgram':
      return openUnixDatagrams(endpoint.path, signal);
    default:
      return await openStream(endpoint, signal);
  }
}

async function openLocalSyslog(signal: AbortSignal): Promise<Sender> {
  const path = findLocalSyslog();
  if (path === undefined) throw new EngineError('unavailable', 'Unix syslog delivery error');
  try {
    return openUnixDatagrams(path, signal);
  } catch (error) {
    if (!isOtherKind(error)) throw error;
    return await openStream({ kind: 'unix', path }, signal);
  }
}

function withEncoder(sender: Sender, encode: (entry: LogEntry) => Uint8Array | undefined): Shipper {
  return {
    ...sender,
    ship: (entries) => sender.send(entries.flatMap((entry) => encode(entry) ?? [])),
  };
}

type GelfTarget = Extract<RemoteTarget, { kind: 'gelf' }>;

async function openGelf(target: GelfTarget, origin: LogOrigin, signal: AbortSignal): Promise<Shipper> {
  const sender = await openEndpoint(target.endpoint, signal);
  const pack = (message: string): readonly Uint8Array[] =>
    target.endpoint.kind === 'udp' ? packGelf(message, target, randomBytes(8)) : [Buffer.from(`${message}\0`)];
  return {
    ...sender,
    ship: (entries) =>
      sender.send(
        entries.flatMap((entry) => {
          const message = encodeGelf(entry, origin);
          return message === undefined ? [] : pack(message);
        }),
      ),
  };
}

type FluentdTarget = Extract<RemoteTarget, { kind: 'fluentd' }>;

async function openUnacked(
  { endpoint, subSecond }: FluentdTarget,
  origin: LogOrigin,
  signal: AbortSignal,
): Promise<Shipper> {
  return withEncoder(await openEndpoint(endpoint, signal), (entry) =>
    encodeFluentd(entry, origin, { subSecond, chunk: undefined }),
  );
}

/** Every message is confirmed by name, so what was shipped has arrived. */
async function openAcked(
  { endpoint, subSecond }: FluentdTarget,
  origin: LogOrigin,
  signal: AbortSignal,
): Promise<Shipper> {
  if (endpoint.kind === 'udp' || endpoint.kind === 'unixgram') throw new Error('unreachable: fluentd by datagrams');
  const waiting = new Set<string>();
  let change = Promise.withResolvers<void>();
  const tell = (): void => {
    change.resolve();
    change = Promise.withResolvers();
  };
  let unread: Uint8Array = new Uint8Array();
  let isStrange = false;
  const sender = await openStream(endpoint, signal, (bytes) => {
    unread = unread.length === 0 ? Uint8Array.from(bytes) : Buffer.concat([unread, bytes]);
    const { acks, length, isOther } = readAcks(unread);
    unread = unread.subarray(length);
    isStrange ||= isOther;
    for (const ack of acks) waiting.delete(ack);
    tell();
  });
  sender.lost.addEventListener('abort', tell);
  const allAcked = async (): Promise<void> => {
    const timer = setTimeout(() => {
      isStrange = true;
      tell();
    }, ackMs);
    try {
      while (waiting.size > 0) {
        if (sender.lost.aborted) throw new Error('the other side closed the connection');
        if (isStrange) throw new Error('the other side does not confirm what it gets');
        await change.promise;
      }
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    ...sender,
    settleMs: 0,
    ship: async (entries) => {
      const messages = entries.map((entry) => {
        const chunk = randomBytes(16).toString('base64');
        waiting.add(chunk);
        return encodeFluentd(entry, origin, { subSecond, chunk });
      });
      await sender.send(messages);
      await allAcked();
    },
  };
}
