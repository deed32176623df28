import { TemplateError } from './template-error.ts';

/** A piece of an action, `{{ … }}`. */
export type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'open' }
  | { readonly kind: 'close' }
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'field'; readonly text: string /** Where it stands in the source. */; readonly at: number }
  | { readonly kind: 'variable'; readonly text: string }
  | { readonly kind: 'literal'; readonly value: string | number }
  | { readonly kind: 'mark'; readonly text: '(' | ')' | '|' | '=' | ':=' | ',' | '.' | '$' }
  | { readonly kind: 'blank' };

/** Splits a template into text and the tokens of its actions; `{{-` and `-}}` eat the blanks beside them. */
export function lexTemplate(source: string): Token[] {
  const tokens: Token[] = [];
  let rest = source;
  while (rest !== '') {
    const open = rest.indexOf('{{');
    if (open < 0) return [...tokens, { kind: 'text', text: rest }];
    const trimsLeft = /^\{\{-\s/.test(rest.slice(open));
    const before = rest.slice(0, open);
    const text = trimsLeft ? before.trimEnd() : before;
    if (text !== '') tokens.push({ kind: 'text', text });
    rest = rest.slice(open + (trimsLeft ? 3 : 2));
    rest = lexAction(rest, { tokens, length: source.length });
  }
  return tokens;
}

/** Where tokens go, and the length of the whole source, from which positions are counted. */
type Sink = { readonly tokens: Token[]; readonly length: number };

/** Reads one action up to its end; returns what follows it. */
function lexAction(source: string, { tokens, length }: Sink): string {
  const comment = /^\s*\/\*[\s\S]*?\*\/\s*(-?)\}\}/.exec(source);
  if (comment !== null) {
    const after = source.slice(comment[0].length);
    return comment[1] === '-' ? after.trimStart() : after;
  }
  tokens.push({ kind: 'open' });
  let rest = source;
  while (true) {
    const end = /^(\s+-)?\s*\}\}/.exec(rest);
    if (end !== null) {
      tokens.push({ kind: 'close' });
      const after = rest.slice(end[0].length);
      return end[1] === undefined ? after : after.trimStart();
    }
    if (rest === '') throw new TemplateError('unclosed action');
    rest = lexToken(rest, { tokens, length });
  }
}

type Rule = readonly [RegExp, (match: RegExpExecArray, at: number) => Token];

const rules: readonly Rule[] = [
  [/^\s+/, () => ({ kind: 'blank' })],
  [/^"(?:[^"\\\n]|\\.)*"/, (match) => ({ kind: 'literal', value: unquote(match[0]) })],
  [/^`([^`]*)`/, (match) => ({ kind: 'literal', value: match[1] ?? '' })],
  [
    /^'(?:[^'\\]|\\.)'/,
    (match) => ({ kind: 'literal', value: unquote(`"${match[0].slice(1, -1)}"`).codePointAt(0) ?? 0 }),
  ],
  [
    /^[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/,
    (match) => ({ kind: 'literal', value: Number(match[0]) }),
  ],
  [/^\.([\p{L}_][\p{L}\p{N}_]*)/u, (match, at) => ({ kind: 'field', text: match[1] ?? '', at })],
  [/^\$([\p{L}_][\p{L}\p{N}_]*)/u, (match) => ({ kind: 'variable', text: match[1] ?? '' })],
  [/^[\p{L}_][\p{L}\p{N}_]*/u, (match) => ({ kind: 'word', text: match[0] })],
  [/^(?::=|[()|=,.$])/, (match) => ({ kind: 'mark', text: parseMark(match[0]) })],
];

function parseMark(text: string): Extract<Token, { kind: 'mark' }>['text'] {
  return text as Extract<Token, { kind: 'mark' }>['text'];
}

function lexToken(source: string, { tokens, length }: Sink): string {
  for (const [pattern, make] of rules) {
    const match = pattern.exec(source);
    if (match === null) continue;
    tokens.push(make(match, length - source.length));
    return source.slice(match[0].length);
  }
  if (source.startsWith('"')) throw new TemplateError('unterminated quoted string');
  const odd = String.fromCodePoint(source.codePointAt(0) ?? 0);
  const code = (source.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  throw new TemplateError(`unexpected bad character U+${code} '${odd}' in command`);
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };

/** Reads a Go string literal. */
export function unquote(literal: string): string {
  return literal
    .slice(1, -1)
    .replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)/g, (_, code: string) => {
      if (/^[xuU]./.test(code)) return String.fromCodePoint(Number.parseInt(code.slice(1), 16));
      if (/^[0-7]{3}$/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
      return escapes[code] ?? code;
    });
}
