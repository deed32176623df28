import { type Packable, packMessage } from './message-pack.ts';
import type { LogEntry, LogOrigin } from './types.ts';

/**
 * One message of the forward protocol, in its message mode.
 *
 * Spec: Fluentd, Forward Protocol Specification v1, "Message Modes".
 *
 * @param chunk asks the server to confirm the message by this name
 */
export function encodeFluentd(
  entry: LogEntry,
  { id, name, tag, attributes }: Pick<LogOrigin, 'id' | 'name' | 'tag' | 'attributes'>,
  { subSecond, chunk }: { readonly subSecond: boolean; readonly chunk: string | undefined },
): Uint8Array {
  const { piece } = entry;
  const record = {
    container_id: id,
    container_name: `/${name}`,
    source: entry.stream,
    log: entry.text,
    ...attributes,
    ...(piece === undefined
      ? {}
      : {
          partial_message: 'true',
          partial_id: piece.id,
          partial_ordinal: String(piece.ordinal),
          partial_last: String(piece.isLast),
        }),
  };
  const option: Packable = chunk === undefined ? {} : { chunk };
  return packMessage([tag, timeOf(entry.time, subSecond), record, option]);
}

function timeOf(time: string, subSecond: boolean): Packable {
  const seconds = Date.parse(`${time.slice(0, 19)}Z`) / 1000;
  if (!subSecond) return seconds;
  const nanoseconds = Number((/\.(\d+)Z$/.exec(time)?.[1] ?? '').padEnd(9, '0'));
  return { kind: 'event-time', seconds, nanoseconds };
}
