import { formatJson, type Json } from '@gantry/api';
import { goPrint, goPrintf, isRecord, isTrue } from './go-print.ts';
import { TemplateRow } from './row.ts';
import { TemplateError } from './template-error.ts';

/** A function that a template may call by name. */
export type TemplateFunction = (...args: readonly unknown[]) => unknown;

/** Go's own functions and those that Docker adds (docs: "Format command and log output"). */
export const templateFunctions: Readonly<Record<string, TemplateFunction>> = {
  json: (value) =>
    value instanceof TemplateRow ? escapeHtml(JSON.stringify(value)) : formatJson(parseJsonValue(value)),
  split: (value, separator) => text(value).split(text(separator)),
  join: (value, separator) => joinAll(value, text(separator ?? '')),
  title: (value) =>
    text(value).replace(
      /(^|[^\p{L}\p{N}'])(\p{L})/gu,
      (_, before: string, letter: string) => before + letter.toUpperCase(),
    ),
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  pad: (value, before, after) => {
    const shown = text(value);
    return shown === '' ? '' : ' '.repeat(count(before)) + shown + ' '.repeat(count(after));
  },
  truncate: (value, length) => text(value).slice(0, count(length)),
  println: (...values) => `${values.map((value) => goPrint(value)).join(' ')}\n`,
  print: (...values) => printAll(values),
  printf: (format, ...values) => goPrintf(text(format), values),
  len: (value) => lengthOf(value),
  index: (value, ...keys) => keys.reduce((inner: unknown, key) => indexOf(inner, key), value),
  slice: (value, from, to) => sliceOf(value, count(from ?? 0), to === undefined ? undefined : count(to)),
  and: (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  or: (...values) => values.find((value) => isTrue(value)) ?? values.at(-1),
  not: (value) => !isTrue(value),
  eq: (left, ...rights) => rights.some((right) => left === right),
  ne: (left, right) => left !== right,
  lt: (left, right) => isLess(left, right),
  le: (left, right) => !isLess(right, left),
  gt: (left, right) => isLess(right, left),
  ge: (left, right) => !isLess(left, right),
  html: (value) => text(value).replace(/[&<>"']/g, (letter) => `&#${letter.codePointAt(0)};`),
  js: (value) => JSON.stringify(text(value)).slice(1, -1),
  urlquery: (value) => encodeURIComponent(text(value)).replaceAll('%20', '+'),
};

/** In a table's header the value is a heading, which these leave as it is; `pad` still aligns. */
export const headerFunctions: Readonly<Record<string, TemplateFunction>> = {
  ...templateFunctions,
  ...Object.fromEntries(
    ['json', 'split', 'join', 'title', 'lower', 'upper', 'truncate'].map((name) => [name, (value: unknown) => value]),
  ),
};

/** Rows come out of Go's default encoder, which escapes what could hurt in a web page; documents do not. */
function escapeHtml(json: string): string {
  return json.replace(/[<>&]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`);
}

/** What came from a document is JSON; only its type was forgotten on the way through the template. */
function parseJsonValue(value: unknown): Json {
  return (value ?? null) as Json;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : goPrint(value);
}

function count(value: unknown): number {
  if (typeof value !== 'number') throw new TemplateError(`wrong type for value; expected int; got ${goPrint(value)}`);
  return Math.max(0, Math.trunc(value));
}

function joinAll(value: unknown, separator: string): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map((item) => goPrint(item)).join(separator);
  if (isRecord(value))
    return Object.values(value)
      .map((item) => goPrint(item))
      .sort()
      .join(separator);
  throw new TemplateError(`error calling join: expected slice, got ${typeof value}`);
}

/** Go's Sprint: a blank between two operands when neither is a string. */
function printAll(values: readonly unknown[]): string {
  return values.reduce<string>((line, value, at) => {
    const needsBlank = at > 0 && typeof value !== 'string' && typeof values[at - 1] !== 'string';
    return `${line}${needsBlank ? ' ' : ''}${goPrint(value)}`;
  }, '');
}

function lengthOf(value: unknown): number {
  if (value === null) return 0;
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isRecord(value)) return Object.keys(value).length;
  throw new TemplateError(`error calling len: len of type ${typeof value}`);
}

function indexOf(value: unknown, key: unknown): unknown {
  if (value === undefined || value === null) throw new TemplateError('error calling index: index of untyped nil');
  if (Array.isArray(value)) {
    if (typeof key !== 'number' || key < 0 || key >= value.length) {
      throw new TemplateError(`error calling index: index out of range: ${goPrint(key)}`);
    }
    return value[key];
  }
  if (typeof value === 'string') return Buffer.from(value)[count(key)];
  if (isRecord(value)) return value[text(key)] ?? zeroOf(value);
  throw new TemplateError(`error calling index: can't index item of type ${typeof value}`);
}

/** Go gives a map's zero value for a key it has not: for a map of texts (labels, attributes) the empty text. */
function zeroOf(map: Readonly<Record<string, unknown>>): unknown {
  return Object.values(map).every((value) => typeof value === 'string') ? '' : undefined;
}

function sliceOf(value: unknown, from: number, to: number | undefined): unknown {
  if (typeof value === 'string' || Array.isArray(value)) return value.slice(from, to);
  throw new TemplateError(`error calling slice: can't slice item of type ${typeof value}`);
}

function isLess(left: unknown, right: unknown): boolean {
  if (typeof left === 'number' && typeof right === 'number') return left < right;
  if (typeof left === 'string' && typeof right === 'string') return left < right;
  throw new TemplateError('error calling lt: incompatible types for comparison');
}
