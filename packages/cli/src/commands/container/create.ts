import { anyNumber, type Command } from '../../command.ts';
import { containerFlags, pullFlag } from './container-flags.ts';
import { createContainer } from './create-container.ts';
import { readRequest } from './run.ts';

export const createCommand: Command = {
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  flags: [...containerFlags, pullFlag('creating')],
  arity: { min: 1, max: anyNumber },
  words: 'image',
  interspersed: false,
  run: async (call) => {
    call.session.out.line(await createContainer(call.session, call.flags, readRequest(call)));
  },
};
