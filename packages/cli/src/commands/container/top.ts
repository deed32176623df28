import { routes } from '@gantry/api';
import { anyNumber, type Command } from '../../command.ts';
import { alignTabs } from '../../format/tab-writer.ts';

export const topCommand: Command = {
  usage: 'CONTAINER [ps OPTIONS]',
  flags: [],
  arity: { min: 1, max: anyNumber },
  words: 'container',
  // Everything after the container is for ps, dashes and all.
  interspersed: false,
  run: async ({ session, words }) => {
    const [id = '', ...rest] = words;
    const query = { psArguments: rest.join(' ') };
    const { Titles, Processes } = await session.engine.call(routes.containerTop, { path: { id }, query });
    const lines = [Titles, ...Processes].map((cells) => `${cells.join('\t')}\n`);
    session.out.write(alignTabs(lines.join(''), { minWidth: 20 }));
  },
};
