import { routes } from '@gantry/api';
import { CliError } from '../../cli-error.ts';
import type { Command } from '../../command.ts';

export const renameCommand: Command = {
  usage: 'CONTAINER NEW_NAME',
  flags: [],
  arity: { min: 2, max: 2 },
  words: 'container',
  run: async ({ session, words }) => {
    const [id = '', name = ''] = words.map((word) => word.trim());
    if (id === '' || name === '') throw new CliError('Error: Neither old nor new names may be empty');
    try {
      await session.engine.call(routes.containerRename, { path: { id }, query: { name } });
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      throw new CliError(`${error.message}\nError: failed to rename container named ${id}`, { cause: error });
    }
  },
};
