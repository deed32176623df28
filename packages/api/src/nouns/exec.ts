import { array, bool, field, int, object, optional, text, words } from '../codec/codec.ts';

/** The body of an exec's creation. */
export const execConfig = object({
  user: field('User', text),
  privileged: field('Privileged', bool),
  tty: field('Tty', bool),
  consoleSize: field('ConsoleSize', optional(array(int)), 'omit'),
  attachStdin: field('AttachStdin', bool),
  attachStdout: field('AttachStdout', bool),
  attachStderr: field('AttachStderr', bool),
  detachKeys: field('DetachKeys', text),
  env: field('Env', array(text), 'null'),
  workingDir: field('WorkingDir', text),
  cmd: field('Cmd', words, 'null'),
});
