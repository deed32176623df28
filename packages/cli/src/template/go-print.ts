import { TemplateRow } from './row.ts';

/** Prints a value as Go's `%v` does: maps as `map[k:v]` in order of keys, lists as `[a b]`. */
export function goPrint(value: unknown): string {
  if (value === undefined) return '<no value>';
  // Docker's documents are typed Go values in which null is nearly always a list that was never made.
  if (value === null) return '[]';
  if (Array.isArray(value)) return `[${value.map((item) => goPrint(item)).join(' ')}]`;
  if (value instanceof TemplateRow) return JSON.stringify(value);
  if (isRecord(value)) {
    const pairs = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
    return `map[${pairs.map(([key, item]) => `${key}:${goPrint(item)}`).join(' ')}]`;
  }
  return String(value);
}

/** A plain object, which templates see as a map. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Go's truth: zero, empty and absent are false. */
export function isTrue(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  return !isRecord(value) || value instanceof TemplateRow || Object.keys(value).length > 0;
}

/** Formats as Go's Sprintf does, for the verbs that formats of containers use. */
export function goPrintf(format: string, values: readonly unknown[]): string {
  const queue = [...values];
  const text = format.replace(/%([-+# 0]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g, (whole, ...groups: string[]) => {
    const [flags = '', width = '', precision, verb = ''] = groups;
    if (verb === '%') return '%';
    if (queue.length === 0) return `%!${verb}(MISSING)`;
    const shown = formatVerb({ flags, precision, verb, whole }, queue.shift());
    return pad(shown, { flags, width: Number(width) });
  });
  return queue.length === 0 ? text : `${text}%!(EXTRA ${queue.map((value) => goPrint(value)).join(', ')})`;
}

type Verb = {
  readonly flags: string;
  readonly precision: string | undefined;
  readonly verb: string;
  readonly whole: string;
};

function formatVerb({ flags, precision, verb }: Verb, value: unknown): string {
  switch (verb) {
    case 'd':
      return `${flags.includes('+') && Number(value) >= 0 ? '+' : ''}${goPrint(value)}`;
    case 'q':
      return JSON.stringify(goPrint(value));
    case 'f':
      return Number(value).toFixed(precision === undefined ? 6 : Number(precision));
    case 'x':
      return typeof value === 'number' ? value.toString(16) : Buffer.from(goPrint(value)).toString('hex');
    default:
      return precision === undefined ? goPrint(value) : goPrint(value).slice(0, Number(precision));
  }
}

function pad(text: string, { flags, width }: { flags: string; width: number }): string {
  if (flags.includes('-')) return text.padEnd(width);
  return text.padStart(width, flags.includes('0') ? '0' : ' ');
}
