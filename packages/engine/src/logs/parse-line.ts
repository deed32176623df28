/** What a line of a log says; its stream and attributes are as they stand there. */
export type LogLine = {
  readonly text: string;
  readonly time: string;
  readonly stream: unknown;
  readonly attrs: unknown;
};

/** @returns undefined for a torn line: the disk was full or the machine died. What follows it is sound. */
export function parseLine(line: string): LogLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { log, stream, time, attrs } = value as Record<string, unknown>;
  if (typeof log !== 'string' || typeof time !== 'string') return undefined;
  return { text: log, time, stream, attrs };
}
