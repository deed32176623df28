import { type TemplateFunction, templateFunctions } from './functions.ts';
import { goPrint, isRecord, isTrue } from './go-print.ts';
import { type Call, type Node, type Operand, type Pipeline, parseTemplate } from './parse.ts';
import { TemplateRow } from './row.ts';
import { TemplateError } from './template-error.ts';

export type TemplateOptions = {
  readonly functions?: Readonly<Record<string, TemplateFunction>>;
  /** A map without the key: `<no value>` by default, an error for `inspect`. */
  readonly missingKey?: 'no-value' | 'error';
};

/** A parsed `--format`, to be printed for any number of values. */
export type Template = (data: unknown, options?: TemplateOptions) => string;

/**
 * Reads a template once; the result prints values by it.
 *
 * @throws TemplateError when the text is no template; the result throws it when the template does not fit its data
 */
export function compileTemplate(source: string): Template {
  const nodes = parseTemplate(source);
  return (data, options = {}) => {
    const scope: Scope = { source, root: data, dot: data, variables: new Map(), options };
    return printNodes(nodes, scope).text;
  };
}

type Scope = {
  readonly source: string;
  readonly root: unknown;
  readonly dot: unknown;
  /** Boxed, so that `=` inside a range changes the variable outside of it. */
  readonly variables: ReadonlyMap<string, { value: unknown }>;
  readonly options: TemplateOptions;
};

type Printed = { readonly text: string; readonly leave: 'break' | 'continue' | undefined };

function printNodes(nodes: readonly Node[], outer: Scope): Printed {
  let text = '';
  let scope = outer;
  for (const node of nodes) {
    if (node.kind === 'text') {
      text += node.text;
    } else if (node.kind === 'print') {
      const value = evaluate(node.pipeline, scope);
      if (node.pipeline.declares.length === 0) text += goPrint(value);
      else if (!node.pipeline.assigns) scope = declare(scope, node.pipeline.declares, [value]);
    } else if (node.kind === 'break' || node.kind === 'continue') {
      return { text, leave: node.kind };
    } else {
      const printed = printControl(node, scope);
      text += printed.text;
      if (printed.leave !== undefined) return { text, leave: printed.leave };
    }
  }
  return { text, leave: undefined };
}

type ControlNode = Extract<Node, { readonly kind: 'if' | 'with' | 'range' }>;

function printControl(node: ControlNode, scope: Scope): Printed {
  const value = evaluate(node.pipeline, scope);
  if (node.kind === 'range') return printRange(node, value, scope);
  if (!isTrue(value)) return printNodes(node.otherwise, scope);
  const inner = node.kind === 'with' ? { ...scope, dot: value } : scope;
  return printNodes(node.body, declare(inner, node.pipeline.declares, [value]));
}

function printRange(node: ControlNode, value: unknown, scope: Scope): Printed {
  const items = itemsOf(value);
  if (items.length === 0) return printNodes(node.otherwise, scope);
  const names = node.pipeline.declares;
  let text = '';
  for (const [key, item] of items) {
    const inner = declare({ ...scope, dot: item }, names, names.length > 1 ? [key, item] : [item]);
    const printed = printNodes(node.body, inner);
    text += printed.text;
    if (printed.leave === 'break') break;
  }
  return { text, leave: undefined };
}

function itemsOf(value: unknown): [unknown, unknown][] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.map((item, at) => [at, item]);
  if (typeof value === 'number') return Array.from({ length: value }, (_, at) => [at, at]);
  if (isRecord(value)) return Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  throw new TemplateError(`range can't iterate over ${goPrint(value)}`);
}

function declare(scope: Scope, names: readonly string[], values: readonly unknown[]): Scope {
  if (names.length === 0) return scope;
  const variables = new Map(scope.variables);
  for (const [at, name] of names.entries()) variables.set(name, { value: values[at] });
  return { ...scope, variables };
}

function evaluate(pipeline: Pipeline, scope: Scope): unknown {
  let value: unknown;
  for (const [at, call] of pipeline.calls.entries()) {
    value = evaluateCall(call, at === 0 ? [] : [value], scope);
  }
  if (pipeline.assigns) {
    for (const name of pipeline.declares) variable(scope, name).value = value;
  }
  return value;
}

/** Calls a function or a column; `piped` comes after the written arguments. */
function evaluateCall([head, ...rest]: Call, piped: readonly unknown[], scope: Scope): unknown {
  const args = (): unknown[] => [...rest.map((operand) => evaluateOperand(operand, scope)), ...piped];
  if (head.kind === 'function') return functionNamed(head.name, scope)(...args());
  if (head.kind === 'path') return followPath(head, args(), scope);
  if (rest.length > 0 || piped.length > 0)
    throw new TemplateError(`can't give argument to non-function ${describe(head)}`);
  return evaluateOperand(head, scope);
}

function evaluateOperand(operand: Operand, scope: Scope): unknown {
  switch (operand.kind) {
    case 'dot':
      return scope.dot;
    case 'root':
      return scope.root;
    case 'literal':
      return operand.value;
    case 'variable':
      return variable(scope, operand.name).value;
    case 'function':
      return functionNamed(operand.name, scope)();
    case 'pipeline':
      return evaluate(operand.pipeline, scope);
    case 'path':
      return followPath(operand, [], scope);
  }
}

function variable(scope: Scope, name: string): { value: unknown } {
  const found = scope.variables.get(name);
  if (found === undefined) throw new TemplateError(`undefined variable "$${name}"`);
  return found;
}

function functionNamed(name: string, scope: Scope): TemplateFunction {
  const functions = scope.options.functions ?? templateFunctions;
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (found === undefined) throw new TemplateError(`function "${name}" not defined`);
  return found;
}

function followPath(path: Extract<Operand, { kind: 'path' }>, args: readonly unknown[], scope: Scope): unknown {
  let value = evaluateOperand(path.of, scope);
  for (const [at, field] of path.fields.entries()) {
    value = fieldOf(value, field, { args: at === path.fields.length - 1 ? args : [], scope, path });
  }
  return value;
}

type Access = {
  readonly args: readonly unknown[];
  readonly scope: Scope;
  readonly path: Extract<Operand, { kind: 'path' }>;
};

/** Where in the template something failed, as Go says it: line from one, column from nought. */
function place({ scope, path }: Access): string {
  const before = scope.source.slice(0, path.at).split('\n');
  return `${before.length}:${before.at(-1)?.length ?? 0}: executing "" at <${describe(path)}>`;
}

function fieldOf(value: unknown, field: string, access: Access): unknown {
  const { args, scope } = access;
  if (value instanceof TemplateRow) {
    const column = Object.hasOwn(value.columns, field) ? value.columns[field] : undefined;
    if (column === undefined)
      throw new TemplateError(`${place(access)}: can't evaluate field ${field} in type ${value.typeName}`);
    return column(...args);
  }
  if (value === undefined || value === null) {
    if (scope.options.missingKey === 'error')
      throw new TemplateError(`${place(access)}: nil pointer evaluating interface {}.${field}`);
    return undefined;
  }
  if (!isRecord(value))
    throw new TemplateError(`${place(access)}: can't evaluate field ${field} in type ${typeof value}`);
  if (Object.hasOwn(value, field)) return value[field];
  // Go's field names differ from the wire's in case (NanoCPUs, NanoCpus); both are documented.
  const alike = Object.keys(value).find((key) => key.toLowerCase() === field.toLowerCase());
  if (alike !== undefined) return value[alike];
  if (scope.options.missingKey === 'error')
    throw new TemplateError(`${place(access)}: map has no entry for key "${field}"`);
  return undefined;
}

function describe(operand: Operand): string {
  switch (operand.kind) {
    case 'path':
      return `${operand.of.kind === 'dot' ? '' : describe(operand.of)}.${operand.fields.join('.')}`;
    case 'variable':
      return `$${operand.name}`;
    case 'function':
      return operand.name;
    case 'literal':
      return JSON.stringify(operand.value);
    case 'pipeline':
      return '(…)';
    case 'dot':
      return '.';
    case 'root':
      return '$';
  }
}
