import { anyNumber, type Command } from '../../command.ts';
import { containerFlags, pullFlag } from './container-flags.ts';
import { createContainer } from './create-container.ts';
import { readRequest } from './run.ts';

export const createCommand: Command = {
  names: ['container create', 'create'],
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  short: 'Create a new container',
  flags: [...containerFlags, pullFlag('creating')],
  arity: { min: 1, max: anyNumber },
  words: 'image',
  interspersed: false,
  run: async (call) => {
    call.session.out.line(await createContainer(call.session, call.flags, readRequest(call)));
  },
};
