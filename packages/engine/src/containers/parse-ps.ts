import { EngineError } from '@gantry/base';

export type ProcessTable = { readonly titles: readonly string[]; readonly processes: readonly (readonly string[])[] };

/**
 * Picks a container's lines out of what `ps` printed: those whose PID column names one of its processes, and thread
 * lines (PID `-`) right below such a line.
 *
 * The last column takes the rest of its line, blanks and all.
 *
 * @throws internal with Docker's texts
 */
export function parsePs(output: string, pids: ReadonlySet<number>): ProcessTable {
  const [head = '', ...lines] = output.split('\n');
  const titles = fieldsOf(head);
  const pidColumn = titles.indexOf('PID');
  if (pidColumn < 0) throw new EngineError('internal', "Couldn't find PID field in ps output");
  const processes: string[][] = [];
  let isInside = false;
  for (const line of lines.filter((text) => text !== '')) {
    const fields = fieldsOf(line);
    const pid = fields[pidColumn] ?? '';
    if (pid !== '-') {
      if (!/^\d+$/.test(pid)) throw new EngineError('internal', `Unexpected pid '${pid}': it is no number`);
      isInside = pids.has(Number(pid));
    }
    if (isInside) processes.push([...fields.slice(0, titles.length - 1), fields.slice(titles.length - 1).join(' ')]);
  }
  return { titles, processes };
}

/** Only ASCII blanks part fields: a command line may hold others. */
function fieldsOf(line: string): string[] {
  return line.split(/[\t\n\f\r ]+/).filter((field) => field !== '');
}
