import type { CommandRow } from '../../command.ts';

/** `gantry image …` and its short spellings, in order of name. */
export const imageCommands: readonly CommandRow[] = [
  {
    names: ['image history', 'history'],
    short: 'Show the history of an image',
    load: async () => (await import('./history.ts')).historyCommand,
  },
  {
    names: ['image import', 'import'],
    short: 'Import the contents from a tarball to create a filesystem image',
    load: async () => (await import('./import.ts')).importCommand,
  },
  {
    names: ['image inspect'],
    short: 'Display detailed information on one or more images',
    load: async () => (await import('./inspect.ts')).inspectCommand,
  },
  {
    names: ['image load', 'load'],
    short: 'Load an image from a tar archive or STDIN',
    load: async () => (await import('./load.ts')).loadCommand,
  },
  {
    names: ['image ls', 'image list', 'images'],
    short: 'List images',
    load: async () => (await import('./list.ts')).listCommand,
  },
  {
    names: ['image prune'],
    short: 'Remove unused images',
    load: async () => (await import('./prune.ts')).pruneCommand,
  },
  {
    names: ['image pull', 'pull'],
    short: 'Download an image from a registry',
    load: async () => (await import('./pull.ts')).pullCommand,
  },
  {
    names: ['image push', 'push'],
    short: 'Upload an image to a registry',
    load: async () => (await import('./push.ts')).pushCommand,
  },
  {
    names: ['image rm', 'image remove', 'rmi'],
    short: 'Remove one or more images',
    load: async () => (await import('./remove.ts')).removeCommand,
  },
  {
    names: ['image save', 'save'],
    short: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
    load: async () => (await import('./save.ts')).saveCommand,
  },
  {
    names: ['image tag', 'tag'],
    short: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
    load: async () => (await import('./tag.ts')).tagCommand,
  },
];
