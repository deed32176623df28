import type { CommandRow } from '../../command.ts';

/** `gantry manifest …`, in order of name. */
export const manifestCommands: readonly CommandRow[] = [
  {
    names: ['manifest annotate'],
    short: 'Add additional information to a local image manifest',
    load: async () => (await import('./annotate.ts')).annotateCommand,
  },
  {
    names: ['manifest create'],
    short: 'Create a local manifest list for annotating and pushing to a registry',
    load: async () => (await import('./create.ts')).createCommand,
  },
  {
    names: ['manifest inspect'],
    short: 'Display an image manifest, or manifest list',
    load: async () => (await import('./inspect.ts')).inspectCommand,
  },
  {
    names: ['manifest push'],
    short: 'Push a manifest list to a repository',
    load: async () => (await import('./push.ts')).pushCommand,
  },
  {
    names: ['manifest rm'],
    short: 'Delete one or more manifest lists from local storage',
    load: async () => (await import('./remove.ts')).removeCommand,
  },
];
