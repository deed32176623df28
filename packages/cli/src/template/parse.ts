import { lexTemplate, type Token } from './lex.ts';
import { TemplateError } from './template-error.ts';

/** What an expression is made of. */
export type Operand =
  | { readonly kind: 'dot' }
  | { readonly kind: 'root' }
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline }
  | { readonly kind: 'path'; readonly of: Operand; readonly fields: readonly string[]; readonly at: number };

/** `name argument …`; a lone operand is a command without arguments. */
export type Call = readonly [Operand, ...Operand[]];

export type Pipeline = {
  /** `$x :=`, or `$i, $x :=` in range. */
  readonly declares: readonly string[];
  readonly assigns: boolean;
  readonly calls: readonly Call[];
};

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'with' | 'range';
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | { readonly kind: 'break' }
  | { readonly kind: 'continue' };

/**
 * Parses Go's text/template as `--format` uses it: fields, variables, pipelines, calls, if, with and range.
 *
 * Spec: Go's package text/template, "Actions". Not read: define, template and block, which one line cannot use.
 *
 * @throws TemplateError
 */
export function parseTemplate(source: string): readonly Node[] {
  const reader = new TokenReader(lexTemplate(source));
  const { nodes, end } = parseList(reader);
  if (end !== undefined) throw new TemplateError(`unexpected {{${end.word}}}`);
  return nodes;
}

/** A cursor over tokens. A class, because every parse function moves the same position. */
class TokenReader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  next(): Token | undefined {
    return this.#tokens[this.#at++];
  }

  skipBlank(): void {
    while (this.peek()?.kind === 'blank') this.#at++;
  }

  /** Takes a mark if it comes next. */
  takeMark(text: string): boolean {
    const token = this.peek();
    if (token?.kind !== 'mark' || token.text !== text) return false;
    this.#at++;
    return true;
  }

  /** Takes one of the words if it comes next. */
  takeWord(...words: readonly string[]): string | undefined {
    const token = this.peek();
    if (token?.kind !== 'word' || !words.includes(token.text)) return undefined;
    this.#at++;
    return token.text;
  }

  expectClose(): void {
    this.skipBlank();
    const token = this.next();
    if (token?.kind !== 'close') throw new TemplateError(`unexpected ${shown(token)} in operand`);
  }

  mark(): number {
    return this.#at;
  }

  reset(at: number): void {
    this.#at = at;
  }
}

function shown(token: Token | undefined): string {
  switch (token?.kind) {
    case undefined:
      return 'EOF';
    case 'literal':
      return JSON.stringify(token.value);
    case 'open':
      return '"{{"';
    case 'close':
      return '"}}"';
    case 'blank':
      return '" "';
    case 'field':
      return `<.${token.text}>`;
    case 'variable':
      return `"$${token.text}"`;
    case 'word':
    case 'mark':
    case 'text':
      return `"${token.text}"`;
  }
}

type ListEnd = { readonly word: 'end' | 'else' };

function parseList(reader: TokenReader): { nodes: Node[]; end: ListEnd | undefined } {
  const nodes: Node[] = [];
  for (let token = reader.next(); token !== undefined; token = reader.next()) {
    if (token.kind === 'text') {
      nodes.push(token);
      continue;
    }
    reader.skipBlank();
    const ending = reader.takeWord('end', 'else');
    if (ending === 'end') {
      reader.expectClose();
      return { nodes, end: { word: 'end' } };
    }
    if (ending === 'else') return { nodes, end: { word: 'else' } };
    nodes.push(parseAction(reader));
  }
  return { nodes, end: undefined };
}

function parseAction(reader: TokenReader): Node {
  const word = reader.takeWord('if', 'with', 'range', 'break', 'continue', 'define', 'template', 'block');
  switch (word) {
    case 'if':
    case 'with':
    case 'range':
      return parseControl(reader, word);
    case 'break':
    case 'continue':
      reader.expectClose();
      return { kind: word };
    case undefined: {
      const pipeline = parsePipeline(reader);
      reader.expectClose();
      return { kind: 'print', pipeline };
    }
    default:
      throw new TemplateError(`{{${word}}} is not supported`);
  }
}

function parseControl(reader: TokenReader, kind: 'if' | 'with' | 'range'): Node {
  const pipeline = parsePipeline(reader);
  reader.expectClose();
  const { nodes: body, end } = parseList(reader);
  if (end === undefined) throw new TemplateError('unexpected EOF');
  return { kind, pipeline, body, otherwise: end.word === 'else' ? parseElse(reader) : [] };
}

/** After `else`: either a list up to `end`, or `else if` and `else with`, which share the outer `end`. */
function parseElse(reader: TokenReader): readonly Node[] {
  reader.skipBlank();
  const chained = reader.takeWord('if', 'with');
  if (chained === 'if' || chained === 'with') return [parseControl(reader, chained)];
  reader.expectClose();
  const { nodes, end } = parseList(reader);
  if (end?.word !== 'end') throw new TemplateError('expected end; found {{else}}');
  return nodes;
}

function parsePipeline(reader: TokenReader): Pipeline {
  reader.skipBlank();
  const { declares, assigns } = parseDeclaration(reader);
  const calls: Call[] = [parseCall(reader)];
  reader.skipBlank();
  while (reader.takeMark('|')) {
    calls.push(parseCall(reader));
    reader.skipBlank();
  }
  return { declares, assigns, calls };
}

function parseDeclaration(reader: TokenReader): { declares: readonly string[]; assigns: boolean } {
  const start = reader.mark();
  const names: string[] = [];
  for (let token = reader.next(); token?.kind === 'variable'; token = reader.next()) {
    names.push(token.text);
    reader.skipBlank();
    if (reader.takeMark(':=')) return { declares: names, assigns: false };
    if (reader.takeMark('=')) return { declares: names, assigns: true };
    if (!reader.takeMark(',')) break;
    reader.skipBlank();
  }
  reader.reset(start);
  return { declares: [], assigns: false };
}

function parseCall(reader: TokenReader): Call {
  reader.skipBlank();
  const first = parseOperand(reader);
  if (first === undefined) throw new TemplateError('missing value for command');
  const rest: Operand[] = [];
  while (reader.peek()?.kind === 'blank') {
    reader.skipBlank();
    const operand = parseOperand(reader);
    if (operand === undefined) break;
    rest.push(operand);
  }
  return [first, ...rest];
}

/** One operand with the fields hung on it, `$x.Name` or `(index .Ports 0).IP`. */
function parseOperand(reader: TokenReader): Operand | undefined {
  const of = parseTerm(reader);
  if (of === undefined) return undefined;
  const fields: string[] = [];
  let at = 0;
  for (let token = reader.peek(); token?.kind === 'field'; token = reader.peek()) {
    if (fields.length === 0) at = token.at;
    fields.push(token.text);
    reader.next();
  }
  return fields.length === 0 ? of : { kind: 'path', of, fields, at };
}

function parseTerm(reader: TokenReader): Operand | undefined {
  const token = reader.peek();
  if (token?.kind === 'field') return { kind: 'dot' };
  if (token?.kind === 'literal') {
    reader.next();
    return { kind: 'literal', value: token.value };
  }
  if (token?.kind === 'variable') {
    reader.next();
    return { kind: 'variable', name: token.text };
  }
  if (token?.kind === 'word') {
    reader.next();
    return wordOperand(token.text);
  }
  if (reader.takeMark('.')) return { kind: 'dot' };
  if (reader.takeMark('$')) return { kind: 'root' };
  if (!reader.takeMark('(')) return undefined;
  const pipeline = parsePipeline(reader);
  reader.skipBlank();
  if (!reader.takeMark(')')) throw new TemplateError('unclosed left paren');
  return { kind: 'pipeline', pipeline };
}

function wordOperand(word: string): Operand {
  if (word === 'true' || word === 'false') return { kind: 'literal', value: word === 'true' };
  if (word === 'nil') return { kind: 'literal', value: null };
  return { kind: 'function', name: word };
}
