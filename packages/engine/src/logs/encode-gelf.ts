import { deflateSync, gzipSync } from 'node:zlib';
import type { LogEntry, LogOrigin, LogTarget } from './types.ts';

const severity = { stdout: 6, stderr: 3 } as const;

/** GELF 1.1 as JSON. @returns undefined for an empty line, which the format does not allow */
export function encodeGelf(entry: LogEntry, origin: LogOrigin): string | undefined {
  if (entry.text === '') return undefined;
  const extra: Readonly<Record<string, string>> = {
    ...Object.fromEntries(Object.entries(origin.attributes).map(([name, value]) => [`_${name}`, value])),
    _command: origin.command,
    _container_id: origin.id,
    _container_name: origin.name,
    _created: origin.createdAt.toISOString(),
    _image_id: origin.imageId,
    _image_name: origin.imageName,
    _tag: origin.tag,
  };
  return JSON.stringify({
    version: '1.1',
    host: origin.hostname,
    short_message: entry.text,
    timestamp: new Date(entry.time.replace(/(\.\d{3})\d*Z$/, '$1Z')).getTime() / 1000,
    level: severity[entry.stream],
    ...extra,
  });
}

type Packing = Pick<Extract<LogTarget, { kind: 'gelf' }>, 'compression' | 'level'>;

const chunkBytes = 1420;
const chunkHeaderBytes = 12;
const mostChunks = 128;

/** A message as datagrams: compressed, and in chunks when it is longer than one. What has no room in 128 is left out. */
export function packGelf(message: string, { compression, level }: Packing, id: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(message);
  const packed =
    compression === 'gzip'
      ? gzipSync(bytes, { level })
      : compression === 'zlib'
        ? deflateSync(bytes, { level })
        : bytes;
  if (packed.length <= chunkBytes) return [packed];
  const room = chunkBytes - chunkHeaderBytes;
  const count = Math.ceil(packed.length / room);
  if (count > mostChunks) return [];
  return Array.from({ length: count }, (_, number) =>
    Buffer.concat([
      Uint8Array.of(0x1e, 0x0f),
      id,
      Uint8Array.of(number, count),
      packed.subarray(number * room, (number + 1) * room),
    ]),
  );
}
