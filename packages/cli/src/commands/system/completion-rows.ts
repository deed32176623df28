import type { CommandRow } from '../../command.ts';

const shells = ['bash', 'fish', 'zsh'] as const;

/** A command for each shell's script, and the hidden one that the scripts ask. */
export const completionRows: readonly CommandRow[] = [
  ...shells.map(
    (shell): CommandRow => ({
      names: [`completion ${shell}`],
      short: `Print the completion script for ${shell}`,
      load: async () => (await import('./completion.ts')).scriptCommand(shell),
    }),
  ),
  {
    names: ['__complete'],
    short: 'Say what may come next',
    hidden: true,
    load: async () => (await import('./completion.ts')).askCommand,
  },
];
