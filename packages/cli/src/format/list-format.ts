import { CliError } from '../cli-error.ts';
import { compileTemplate, type Template } from '../template/execute.ts';
import { headerFunctions } from '../template/functions.ts';
import type { Column, TemplateRow } from '../template/row.ts';
import { TemplateError } from '../template/template-error.ts';
import { alignTabs } from './tab-writer.ts';

/** Columns of one kind of list: name in templates → heading. */
export type Headings = Readonly<Record<string, string>>;

/**
 * A `--format` for lists: `table`, `table TEMPLATE`, `json`, `raw` is not read, anything else is a template per row.
 *
 * @param format what the user gave, or the list's own default
 */
export function formatRows(format: string, rows: readonly TemplateRow[], headings: Headings): string {
  const isTable = format.startsWith('table');
  const source = isTable ? format.slice('table'.length) : format === 'json' ? '{{json .}}' : format;
  const template = listTemplate(
    source
      .replace(/^ +| +$/g, '')
      .replaceAll('\\t', '\t')
      .replaceAll('\\n', '\n'),
  );
  const body = rows.map((row) => `${printRow(template, row)}\n`).join('');
  if (!isTable) return body;
  const heading = template({ ...headings }, { functions: headerFunctions });
  return alignTabs(`${heading}\n${body}`);
}

function listTemplate(source: string): Template {
  try {
    return compileTemplate(source);
  } catch (error) {
    throw templateFailure(error);
  }
}

/** A format that asks for the whole document as JSON, in either spelling. */
export function isWholeJson(format: string): boolean {
  return format === 'json' || /^\{\{\s*json\s+\.\s*\}\}$/.test(format);
}

/** Prints one value by a user's template, with Docker's sentence when they do not fit. */
export function printRow(template: Template, row: unknown): string {
  try {
    return template(row);
  } catch (error) {
    throw templateFailure(error);
  }
}

/** The error that Docker's commands give for a template, whatever its fault. */
export function templateFailure(error: unknown, prefix = 'template parsing error'): unknown {
  if (!(error instanceof TemplateError)) return error;
  // What fails while it runs says where; what cannot be read has only its line.
  const where = /^\d+:\d+: /.test(error.message) ? error.message : `1: ${error.message}`;
  return new CliError(`${prefix}: template: :${where}`, { cause: error });
}

/** A column that sorts and joins labels, and the one that looks up a single label. */
export function labelColumns(
  labels: Readonly<Record<string, string>> | null | undefined,
): Record<'Labels' | 'Label', Column> {
  const pairs = Object.entries(labels ?? {}).map(([name, value]) => `${name}=${value}`);
  return { Labels: () => pairs.sort().join(','), Label: (name) => labels?.[String(name)] ?? '' };
}
