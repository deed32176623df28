import { existsSync } from 'node:fs';
import { EngineError, flagBool, flagText, parseSignal } from '@gantry/base';
import type { CommandRow } from './command-row.ts';
import { deleteContainer, killContainer, startContainer } from './lifecycle.ts';
import { pauseContainer, resumeContainer } from './pause.ts';
import { readDocument } from './read-document.ts';
import { updateContainer } from './update.ts';
import { limitFlags, parseLimitFlags, parseResources } from './update-resources.ts';

/** The commands that change a container. */
export const controlRows = {
  start: {
    usage: 'start ID',
    about: 'start the process of a created container',
    flags: [],
    words: [1, 1],
    run: async ({ store, words: [id = ''] }) => {
      await startContainer(store, id);
      return 0;
    },
  },
  kill: {
    usage: 'kill ID [SIGNAL]',
    about: 'send a signal to the process of a container, TERM when not given',
    flags: [{ name: 'all', short: 'a', kind: 'bool' }],
    words: [1, 2],
    run: async ({ store, flags, words: [id = '', signal = 'TERM'] }) => {
      await killContainer(store, id, { signal: parseSignal(signal), everyProcess: flagBool(flags, 'all') });
      return 0;
    },
  },
  delete: {
    usage: 'delete [OPTIONS] ID',
    about: 'take away what a stopped container left',
    flags: [{ name: 'force', short: 'f', kind: 'bool', about: 'kill it first when it runs' }],
    words: [1, 1],
    run: async ({ store, flags, words: [id = ''] }) => {
      const force = flagBool(flags, 'force');
      // As with rm -f, what is not there need not be taken away.
      if (force && !existsSync(store.directory(id))) return 0;
      await deleteContainer(store, id, force);
      return 0;
    },
  },
  pause: {
    usage: 'pause ID',
    about: 'stop every process of a container where it stands',
    flags: [],
    words: [1, 1],
    run: async ({ store, words: [id = ''] }) => {
      await pauseContainer(store, id);
      return 0;
    },
  },
  resume: {
    usage: 'resume ID',
    about: 'let a paused container go on',
    flags: [],
    words: [1, 1],
    run: async ({ store, words: [id = ''] }) => {
      await resumeContainer(store, id);
      return 0;
    },
  },
  update: {
    usage: 'update [OPTIONS] ID',
    about: 'change the limits of a container',
    flags: [
      {
        name: 'resources',
        short: 'r',
        kind: 'string',
        about: 'file with linux.resources of a config.json, - for stdin; other flags then say nothing',
      },
      ...limitFlags,
      { name: 'l3-cache-schema', kind: 'string' },
      { name: 'mem-bw-schema', kind: 'string' },
      { name: 'kernel-memory', kind: 'string' },
      { name: 'kernel-memory-tcp', kind: 'string' },
    ],
    words: [1, 1],
    run: async ({ store, flags, words: [id = ''], warn }) => {
      const given = (name: string): boolean => flagText(flags, name) !== undefined;
      for (const name of ['l3-cache-schema', 'mem-bw-schema'].filter(given)) {
        throw new EngineError('unsupported', `cannot set --${name}: Intel RDT is not built`);
      }
      // Kernels no longer have these limits; runc takes the flags and says so.
      for (const name of ['kernel-memory', 'kernel-memory-tcp'].filter(given)) warn(`--${name} does nothing any more`);
      const file = flagText(flags, 'resources');
      await updateContainer(
        store,
        id,
        file === undefined ? parseLimitFlags(flags) : parseResources(readDocument(file)),
      );
      return 0;
    },
  },
} satisfies Readonly<Record<string, CommandRow>>;
