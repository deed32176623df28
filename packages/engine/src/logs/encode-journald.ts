import { shortId } from '@gantry/base';
import type { LogEntry, LogOrigin } from './types.ts';

const priority = { stdout: '6', stderr: '3' } as const;

/** Fields of an entry in the journal's own protocol. Spec: systemd, "Native Journal Protocol". */
export function encodeJournald(entry: LogEntry, origin: LogOrigin): Uint8Array | undefined {
  if (entry.text === '') return undefined;
  const { piece } = entry;
  const fields: Readonly<Record<string, string>> = {
    ...Object.fromEntries(Object.entries(origin.attributes).map(([name, value]) => [fieldName(name), value])),
    MESSAGE: entry.text,
    PRIORITY: priority[entry.stream],
    SYSLOG_IDENTIFIER: origin.tag,
    SYSLOG_TIMESTAMP: entry.time,
    CONTAINER_ID: shortId(origin.id),
    CONTAINER_ID_FULL: origin.id,
    CONTAINER_NAME: origin.name,
    CONTAINER_TAG: origin.tag,
    IMAGE_NAME: origin.imageName,
    ...(piece === undefined
      ? {}
      : {
          CONTAINER_PARTIAL_ID: piece.id,
          CONTAINER_PARTIAL_ORDINAL: String(piece.ordinal),
          CONTAINER_PARTIAL_LAST: String(piece.isLast),
          ...(piece.isLast ? {} : { CONTAINER_PARTIAL_MESSAGE: 'true' }),
        }),
  };
  return Buffer.concat(Object.entries(fields).map(([name, value]) => encodeField(name, value)));
}

/** Upper case letters, digits and underscores, the first a letter: the journal drops an entry's other fields. */
function fieldName(name: string): string {
  return name
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')
    .replace(/^[^A-Z]+/, '');
}

/** `NAME=value`, or, where the value has several lines, its length before it. */
function encodeField(name: string, value: string): Uint8Array {
  if (name === '') return new Uint8Array();
  if (!value.includes('\n')) return Buffer.from(`${name}=${value}\n`);
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}
