import type { CommandRow } from '../../command.ts';

/** The commands that speak of registries, in order of name. */
export const registryCommands: readonly CommandRow[] = [
  {
    names: ['login'],
    short: 'Authenticate to a registry',
    load: async () => (await import('./login.ts')).loginCommand,
  },
  {
    names: ['logout'],
    short: 'Log out from a registry',
    load: async () => (await import('./logout.ts')).logoutCommand,
  },
  {
    names: ['search'],
    short: 'Search Docker Hub for images',
    load: async () => (await import('./search.ts')).searchCommand,
  },
];
