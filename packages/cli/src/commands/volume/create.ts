import { routes } from '@gantry/api';
import { flagList, flagText } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { type Command, type Invocation, listFlag, textFlag } from '../../command.ts';
import { pairsToRecord } from '../../request/csv.ts';
import { checkLabel } from '../../request/environment.ts';

export const createCommand: Command = {
  usage: '[OPTIONS] [VOLUME]',
  flags: [
    textFlag('driver', 'Driver of the volume', { short: 'd', default: '"local"' }),
    listFlag('label', 'Set metadata for a volume', { check: checkLabel }),
    textFlag('name', '', { hidden: true }),
    listFlag('opt', 'Options of the driver', { short: 'o', type: 'map', default: 'map[]' }),
  ],
  arity: { min: 0, max: 1 },
  run: createVolume,
};

async function createVolume({ session, flags, words }: Invocation): Promise<void> {
  if (words[0] !== undefined && flags.values.has('name')) {
    throw new CliError('conflicting options: cannot specify a volume-name through both --name and as a positional arg');
  }
  const body = {
    name: words[0] ?? flagText(flags, 'name') ?? '',
    driver: flagText(flags, 'driver') ?? 'local',
    options: pairsToRecord(flagList(flags, 'opt')),
    labels: pairsToRecord(flagList(flags, 'label')),
  };
  const volume = await session.engine.call(routes.volumeCreate, { body });
  session.out.line(volume.Name);
}
