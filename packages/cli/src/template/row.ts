/**
 * A value whose fields are computed when a template names them, as the methods of Docker's list rows are.
 *
 * A column costs nothing until it is asked for; one that takes arguments, such as `Label "x"`, is left out of JSON.
 */
export class TemplateRow {
  /** What Docker's errors call the row. */
  readonly typeName: string;
  readonly columns: Readonly<Record<string, Column>>;

  constructor(typeName: string, columns: Readonly<Record<string, Column>>) {
    this.typeName = typeName;
    this.columns = columns;
  }

  /** What `{{json .}}` shows: every column without arguments, by name. */
  toJSON(): Record<string, unknown> {
    const names = Object.keys(this.columns).filter((name) => this.columns[name]?.length === 0);
    return Object.fromEntries(names.sort().map((name) => [name, this.columns[name]?.()]));
  }
}

export type Column = (...args: readonly unknown[]) => unknown;
