import { routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { boolFlag, type Command, type Invocation } from '../../command.ts';
import { formatUsageDetails, usageDetails, usageHeadings, usageRows, usageTable } from '../../format/disk-usage.ts';
import { formatRows, printRow } from '../../format/list-format.ts';
import { compileTemplate } from '../../template/execute.ts';
import { listFormatFlag } from '../format-flag.ts';

export const diskUsageCommand: Command = {
  usage: '[OPTIONS]',
  flags: [listFormatFlag, boolFlag('verbose', 'Show every image, container and volume', { short: 'v' })],
  arity: { min: 0, max: 0 },
  run: showDiskUsage,
};

async function showDiskUsage({ session, flags }: Invocation): Promise<void> {
  const asked = flagText(flags, 'format') ?? '';
  const isTable = asked === '' || asked === 'table';
  const isVerbose = flagBool(flags, 'verbose');
  const usage = await session.engine.call(routes.diskUsage, { query: { verbose: isVerbose } });
  if (!isVerbose) {
    session.out.write(formatRows(isTable ? usageTable : asked, usageRows(usage), usageHeadings));
    return;
  }
  const details = usageDetails(usage, { isTruncated: isTable, nowMs: Date.now() });
  if (isTable) session.out.write(formatUsageDetails(details));
  else session.out.write(printRow(compileTemplate(asked === 'json' ? '{{json .}}' : asked), details));
}
