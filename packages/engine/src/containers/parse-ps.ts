import { psFields, selectPsLines } from '@gantry/runtime';

export type ProcessTable = { readonly titles: readonly string[]; readonly processes: readonly (readonly string[])[] };

/**
 * Makes a table of a container's lines in what `ps` printed. The last column takes the rest of its line, blanks and all.
 *
 * @throws internal with Docker's texts
 */
export function parsePs(output: string, pids: ReadonlySet<number>): ProcessTable {
  const { head, lines } = selectPsLines(output, pids);
  const titles = psFields(head);
  const last = titles.length - 1;
  const processes = lines.map(psFields).map((fields) => [...fields.slice(0, last), fields.slice(last).join(' ')]);
  return { titles, processes };
}
