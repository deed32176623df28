import { isJsonObject, parseJson } from '@gantry/api';
import { CliError } from '../cli-error.ts';
import type { StoredAuth } from './config-file.ts';

/** A user name that means that the secret is an identity token. */
const tokenUser = '<token>';
const notFound = 'credentials not found in native keychain';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Runs `docker-credential-NAME VERB`, the protocol that Docker's command line speaks: the payload goes to standard input,
 * the answer or the error comes from standard output.
 *
 * @throws CliError with Docker's text when it fails or is not there
 */
async function runHelper(
  {
    name,
    verb,
    payload,
  }: { readonly name: string; readonly verb: 'get' | 'store' | 'erase'; readonly payload: string },
  environment: Environment,
): Promise<string> {
  const program = `docker-credential-${name}`;
  const failed = (why: string): CliError =>
    new CliError(
      `error ${verb === 'get' ? 'getting' : verb === 'store' ? 'storing' : 'erasing'} credentials - err: ${why}`,
    );
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw failed(`invalid name of a credential helper: "${name}"`);
  if (Bun.which(program, { PATH: environment.PATH ?? '' }) === null)
    throw failed(`exec: "${program}": executable file not found in $PATH, out: \`\``);
  const child = Bun.spawn([program, verb], {
    stdin: Buffer.from(payload),
    stdout: 'pipe',
    stderr: 'inherit',
    env: environment,
  });
  const [output, exitCode] = await Promise.all([child.stdout.text(), child.exited]);
  if (exitCode !== 0) throw failed(`exit status ${exitCode}, out: \`${output.trim()}\``);
  return output;
}

/** @returns undefined when the helper has none. @throws CliError */
export async function getFromHelper(
  name: string,
  key: string,
  environment: Environment,
): Promise<StoredAuth | undefined> {
  let output: string;
  try {
    output = await runHelper({ name, verb: 'get', payload: key }, environment);
  } catch (error) {
    if (error instanceof CliError && error.message.includes(notFound)) return undefined;
    throw error;
  }
  const wire = parseJson(output);
  const text = (member: string): string => {
    const value = isJsonObject(wire) ? wire[member] : undefined;
    return typeof value === 'string' ? value : '';
  };
  const [username, secret] = [text('Username'), text('Secret')];
  if (username === tokenUser) return { username: '', password: '', identityToken: secret, registryToken: '' };
  return { username, password: secret, identityToken: '', registryToken: '' };
}

/** @throws CliError */
export async function storeInHelper(
  name: string,
  { key, auth }: { readonly key: string; readonly auth: StoredAuth },
  environment: Environment,
): Promise<void> {
  const isToken = auth.identityToken !== '';
  const payload = JSON.stringify({
    ServerURL: key,
    Username: isToken ? tokenUser : auth.username,
    Secret: isToken ? auth.identityToken : auth.password,
  });
  await runHelper({ name, verb: 'store', payload }, environment);
}

/** What is not there is erased already. @throws CliError */
export async function eraseFromHelper(name: string, key: string, environment: Environment): Promise<void> {
  try {
    await runHelper({ name, verb: 'erase', payload: key }, environment);
  } catch (error) {
    if (!(error instanceof CliError && error.message.includes(notFound))) throw error;
  }
}
