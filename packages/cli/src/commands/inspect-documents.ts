import { CliError } from '../cli-error.ts';
import { templateFailure } from '../format/list-format.ts';
import type { Session } from '../session.ts';
import { compileTemplate, type Template } from '../template/execute.ts';

/** Fetches one object's document, member for member as the engine wrote it. */
export type FetchDocument = (name: string) => Promise<string>;

/**
 * Prints documents as an indented list, as JSON in a line (`json`), or each by a template; what could not be found is
 * told after what could.
 */
export async function inspectDocuments(
  session: Session,
  request: { readonly names: readonly string[]; readonly format: string },
  fetch: FetchDocument,
): Promise<void> {
  const { names, format } = request;
  const template = format === '' || format === 'json' ? undefined : readTemplate(format);
  const documents: string[] = [];
  const failures: string[] = [];
  for (const name of names) {
    try {
      const document = await fetch(name);
      documents.push(template === undefined ? document.trim() : printDocument(template, document));
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      failures.push(error.message);
    }
  }
  session.out.write(template === undefined ? joinDocuments(documents, format) : joinPrinted(documents));
  if (failures.length > 0) throw new CliError(failures.join('\n'));
}

function readTemplate(format: string): Template {
  try {
    return compileTemplate(format);
  } catch (error) {
    const failure = templateFailure(error);
    if (failure instanceof CliError) throw new CliError(failure.message, { exitCode: 64, cause: error });
    throw error;
  }
}

function printDocument(template: Template, document: string): string {
  try {
    return `${template(JSON.parse(document), { missingKey: 'error' })}\n`;
  } catch (error) {
    throw templateFailure(error);
  }
}

function joinPrinted(printed: readonly string[]): string {
  return printed.length === 0 ? '\n' : printed.join('');
}

function joinDocuments(documents: readonly string[], format: string): string {
  if (documents.length === 0) return '[]\n';
  const list = `[${documents.join(',')}]`;
  return format === 'json' ? `${list}\n` : `${indentJson(list)}\n`;
}

/**
 * Indents JSON by four blanks without reading it: numbers beyond 2^53 and escapes stay as the engine wrote them, and an
 * empty list stays in its line, as Go's json.Indent does.
 */
export function indentJson(json: string): string {
  let text = '';
  let depth = 0;
  const newline = (): string => `\n${'    '.repeat(depth)}`;
  for (const token of json.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? []) {
    const isOpening = text.endsWith('{') || text.endsWith('[');
    if (token === '}' || token === ']') {
      depth--;
      text += isOpening ? token : newline() + token;
    } else {
      if (isOpening) text += newline();
      text += token;
      if (token === '{' || token === '[') depth++;
      else if (token === ',') text += newline();
      else if (token === ':') text += ' ';
    }
  }
  return text;
}
