import { routes } from '@gantry/api';
import { flagText } from '@gantry/base';
import type { Command, Invocation } from '../../command.ts';
import { formatInfo } from '../../format/info.ts';
import { printRow, templateFailure } from '../../format/list-format.ts';
import { compileTemplate } from '../../template/execute.ts';
import { documentFormatFlag } from '../format-flag.ts';

export const infoCommand: Command = {
  names: ['system info', 'info'],
  usage: '[OPTIONS]',
  short: 'Display system-wide information',
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
  try {
    const template = compileTemplate(format === 'json' ? '{{json .}}' : format);
    session.out.line(printRow(template, { ...info, ClientInfo: client }));
  } catch (error) {
    throw templateFailure(error);
  }
}
