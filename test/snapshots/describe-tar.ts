import { createHash, type Hash } from 'node:crypto';
import { type TarEntry, TarReader, textOfBytes } from '@gantry/layer';

/** What was made since has the time of the run, which is another one each time. */
const longAgo = 1_700_000_000;

/** A line for each entry of a tar, with all that it says of it but times of now. */
export function describeTar(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  let hash: Hash = createHash('sha256');
  let open: TarEntry | undefined;
  const reader = new TarReader({
    begin: (entry) => {
      open = entry;
      hash = createHash('sha256');
    },
    data: (chunk) => hash.update(chunk),
    end: () => {
      if (open !== undefined) lines.push(describeEntry(open, hash.digest('hex').slice(0, 8)));
    },
  });
  reader.push(bytes);
  reader.finish();
  return lines;
}

function describeEntry(entry: TarEntry, digest: string): string {
  const { kind, path, linkPath, mode, uid, gid, sizeBytes, modified, major, minor, xattrs } = entry;
  const time =
    Number(modified.seconds) < longAgo ? `${modified.seconds}.${String(modified.nanoseconds).padStart(9, '0')}` : 'now';
  const attributes = [...xattrs].map(([name, value]) => `${name}=${Buffer.from(value).toString('hex')}`);
  const content = kind === 'file' ? `${sizeBytes} ${digest}` : linkPath;
  return [kind, textOfBytes(path), mode.toString(8), `${uid}:${gid}`, `${major}:${minor}`, time, content, ...attributes]
    .join(' ')
    .trim();
}
