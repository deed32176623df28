import { routes } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { boolFlag, type Command, type Invocation, textFlag } from '../../command.ts';
import type { StoredAuth } from '../../credentials/config-file.ts';
import { findCredentials, registryKey, storeCredentials } from '../../credentials/credentials.ts';
import type { Session } from '../../session.ts';
import { isTerminal, withoutEcho } from '../../terminal.ts';

export const loginCommand: Command = {
  usage: '[OPTIONS] [SERVER]',
  long: 'Authenticate to a registry.\nDefaults to Docker Hub if no server is specified.',
  flags: [
    textFlag('password', 'Password or access token', { short: 'p' }),
    boolFlag('password-stdin', 'Take the password or access token from stdin'),
    textFlag('username', 'Username', { short: 'u' }),
  ],
  arity: { min: 0, max: 1 },
  run: login,
};

async function login({ session, flags, words }: Invocation): Promise<void> {
  const key = registryKey((words[0] ?? '').replace(/^https?:\/\//, '').replace(/\/.*$/, ''));
  const username = flagText(flags, 'username') ?? '';
  const given = await readPasswordFlags(session, {
    username,
    password: flagText(flags, 'password'),
    fromStdin: flagBool(flags, 'password-stdin'),
  });
  if (username === '' && given === '' && (await loginWithStored(session, key))) return;
  if ((username === '' || given === '') && !isTerminal(0))
    throw new CliError('Error: Cannot perform an interactive login from a non TTY device');
  const name = username === '' ? await ask(session, 'Username: ') : username;
  const password = given === '' ? await askHidden(session, 'Password: ') : given;
  if (name === '') throw new CliError('username is required');
  if (password === '') throw new CliError('password is required');
  const auth = await show(session, key, { username: name, password, identityToken: '', registryToken: '' });
  const path = await storeCredentials(key, auth, session.environment);
  if (path !== undefined) session.err.write(unencrypted(path));
  session.out.line('Login Succeeded');
}

/** Docker's words, with its blank lines. */
function unencrypted(path: string): string {
  return `
WARNING! Your credentials are stored unencrypted in '${path}'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/

`;
}

type PasswordFlags = { readonly username: string; readonly password: string | undefined; readonly fromStdin: boolean };

/** @returns '' when a password must be asked for */
async function readPasswordFlags(session: Session, given: PasswordFlags): Promise<string> {
  const { username, password, fromStdin } = given;
  if (password !== undefined && password !== '') {
    if (fromStdin) throw new CliError('conflicting options: cannot specify both --password and --password-stdin');
    session.err.line('WARNING! Using --password via the CLI is insecure. Use --password-stdin.');
    return password;
  }
  if (!fromStdin) return '';
  if (username === '') throw new CliError('the --password-stdin option requires --username to be set');
  return (await Bun.stdin.text()).replace(/\r?\n$/, '');
}

/** @returns false when nothing is stored, or it is not good any more */
async function loginWithStored(session: Session, key: string): Promise<boolean> {
  const stored = await findCredentials(key, session.environment);
  if (stored === undefined || (stored.username === '' && stored.identityToken === '')) return false;
  const who = stored.username === '' ? '' : ` [Username: ${stored.username}]`;
  session.err.line(`Authenticating with existing credentials...${who}`);
  session.err.write(`
 Info -> To login with a different account, run '${session.program} logout' followed by '${session.program} login'

`);
  try {
    await storeCredentials(key, await show(session, key, stored), session.environment);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    session.err.line(`Login did not succeed, error: ${error.message}`);
    return false;
  }
  session.out.line('Login Succeeded');
  return true;
}

/** Shows credentials to the registry, through the engine. @returns what is worth keeping of them */
async function show(session: Session, key: string, auth: StoredAuth): Promise<StoredAuth> {
  const reply = await session.engine.call(routes.auth, { body: { ...auth, serverAddress: key } });
  const identityToken = reply.IdentityToken ?? '';
  return identityToken === '' ? auth : { ...auth, password: '', identityToken };
}

async function ask(session: Session, question: string): Promise<string> {
  session.out.write(question);
  await session.out.flush();
  return readLine();
}

async function askHidden(session: Session, question: string): Promise<string> {
  using _hidden = withoutEcho(0);
  const answer = await ask(session, question);
  session.out.write('\n');
  return answer;
}

/** One line of standard input, byte by byte: what comes after it is the next question's. */
function readLine(): string {
  const fs = process.getBuiltinModule('node:fs');
  const one = Buffer.alloc(1);
  const bytes: number[] = [];
  while (fs.readSync(0, one, 0, 1, null) === 1 && one[0] !== 0x0a) bytes.push(one[0] ?? 0);
  return Buffer.from(bytes).toString('utf8').trim();
}
