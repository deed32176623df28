import type { Command, Invocation } from '../../command.ts';
import { eraseCredentials, registryKey } from '../../credentials/credentials.ts';

export const logoutCommand: Command = {
  usage: '[SERVER]',
  long: 'Log out from a registry.\nDefaults to Docker Hub if no server is specified.',
  flags: [],
  arity: { min: 0, max: 1 },
  run: logout,
};

async function logout({ session, words }: Invocation): Promise<void> {
  const key = registryKey((words[0] ?? '').replace(/^https?:\/\//, '').replace(/\/.*$/, ''));
  session.out.line(`Removing login credentials for ${key}`);
  await eraseCredentials(key, session.environment);
}
