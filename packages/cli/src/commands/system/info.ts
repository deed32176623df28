import { routes } from '@gantry/api';
import { flagText } from '@gantry/base';
import type { Command, Invocation } from '../../command.ts';
import { formatInfo } from '../../format/info.ts';
import { isWholeJson, printRow, templateFailure } from '../../format/list-format.ts';
import { compileTemplate } from '../../template/execute.ts';
import { type Column, TemplateRow } from '../../template/row.ts';
import { documentFormatFlag } from '../format-flag.ts';

export const infoCommand: Command = {
  usage: '[OPTIONS]',
  flags: [documentFormatFlag],
  arity: { min: 0, max: 0 },
  run: showInfo,
};

async function showInfo({ session, flags }: Invocation): Promise<void> {
  const format = flagText(flags, 'format') ?? '';
  const info = await session.engine.call(routes.info);
  const client = { Version: session.version, Context: 'default', Debug: session.isDebug };
  if (format === '') {
    session.out.write(formatInfo(info, client));
    for (const warning of info.Warnings ?? []) session.err.line(warning);
    return;
  }
  const document = { ...info, ClientInfo: client };
  if (isWholeJson(format)) {
    session.out.line(JSON.stringify(document));
    return;
  }
  try {
    session.out.line(printRow(compileTemplate(format), infoRow(document)));
  } catch (error) {
    throw templateFailure(error);
  }
}

/** The document as a row, so that a field that is none is an error and not `<no value>`. */
function infoRow(document: Readonly<Record<string, unknown>>): TemplateRow {
  const columns = Object.entries(document).map(([name, value]): [string, Column] => [name, () => value]);
  return new TemplateRow('system.dockerInfo', Object.fromEntries(columns));
}
