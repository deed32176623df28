import { type DiskCheckWire, routes } from '@gantry/api';
import { flagBool } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { anyNumber, boolFlag, type Command, type Invocation } from '../../command.ts';
import { formatDiskReport } from '../../format/disk-report.ts';

export const fsckCommand: Command = {
  usage: '[OPTIONS] [NAME...]',
  long:
    'Compare what the engine knows with what is on the disk, both ways. Nothing is changed without --repair, and it is\n' +
    'safe beside running containers. With --repair, files that nothing owns go, and images whose files are damaged; what\n' +
    'may be the data of a container or a volume goes only when it is named.',
  flags: [
    boolFlag('repair', 'Remove what nothing owns and what cannot be used any more'),
    boolFlag('verify', 'Read every byte of every blob and look at every file of every layer'),
  ],
  arity: { min: 0, max: anyNumber },
  run: checkDisk,
};

/** @returns 1 when something is left to mend */
async function checkDisk({ session, flags, words }: Invocation): Promise<number> {
  const [verify, repair] = [flagBool(flags, 'verify'), flagBool(flags, 'repair')];
  if (words.length > 0 && !repair) throw new CliError('names say what --repair may remove: give --repair too');
  const report: DiskCheckWire = repair
    ? await session.engine.call(routes.diskRepair, { query: { verify, names: words } })
    : await session.engine.call(routes.diskCheck, { query: { verify } });
  session.out.write(formatDiskReport(report));
  return report.Findings.every((finding) => finding.Repaired) ? 0 : 1;
}
