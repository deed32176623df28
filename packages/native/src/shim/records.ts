import { EngineError } from '@gantry/base';
import type { CreatedRecord, ExitRecord, FailedRecord, StartedRecord, StatusRecord } from './protocol.ts';

/** What a field of a record may hold. Unix nanoseconds are text, since a JSON number would lose the last digits. */
type FieldKind = 'count' | 'text' | 'flag' | 'nanoseconds' | readonly string[];

const createdFields = { version: 'count', shimPid: 'count', pid: 'count', startTicks: 'count' } as const;

/** @throws internal on anything but a whole record: a file cut by a crash, or not a shim's */
export function parseCreatedRecord(text: string): CreatedRecord {
  return parseRecord<CreatedRecord>('created', text, createdFields);
}

/** @throws internal */
export function parseStartedRecord(text: string): StartedRecord {
  return parseRecord<StartedRecord>('started', text, { ...createdFields, startedAt: 'nanoseconds' });
}

/** @throws internal */
export function parseFailedRecord(text: string): FailedRecord {
  return parseRecord<FailedRecord>('failed', text, {
    part: ['shim', 'parent', 'beside', 'child'],
    index: 'count',
    step: 'text',
    errno: 'count',
  });
}

/** @throws internal */
export function parseExitRecord(text: string): ExitRecord {
  return parseRecord<ExitRecord>('exit', text, {
    version: 'count',
    pid: 'count',
    exitCode: 'count',
    signal: 'count',
    oomKilled: 'flag',
    startedAt: 'nanoseconds',
    finishedAt: 'nanoseconds',
  });
}

/** @throws internal */
export function parseStatusRecord(text: string): StatusRecord {
  return parseRecord<StatusRecord>('status', text, {
    ...createdFields,
    state: ['creating', 'created', 'running', 'exited'],
    startedAt: 'text',
  });
}

function parseRecord<R>(name: string, text: string, fields: Readonly<Record<keyof R & string, FieldKind>>): R {
  const refuse = (why: string, cause?: unknown): never => {
    throw new EngineError('internal', `cannot read the ${name} record of a shim: ${why}`, { cause });
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse('not JSON', error);
  }
  if (typeof value !== 'object' || value === null) return refuse('not an object');
  const found = new Map<string, unknown>(Object.entries(value));
  for (const [field, kind] of Object.entries<FieldKind>(fields)) {
    if (!isOfKind(found.get(field), kind)) return refuse(`"${field}" is missing or wrong`);
  }
  // Each field of R was just checked; a later version's additional fields are let through.
  return value as R;
}

function isOfKind(value: unknown, kind: FieldKind): boolean {
  switch (kind) {
    case 'count':
      return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    case 'text':
      return typeof value === 'string';
    case 'flag':
      return typeof value === 'boolean';
    case 'nanoseconds':
      return typeof value === 'string' && /^\d{1,20}$/.test(value);
    default:
      return typeof value === 'string' && kind.includes(value);
  }
}
