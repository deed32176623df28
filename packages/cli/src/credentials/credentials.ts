import { defaultDomain, parseReference } from '@gantry/oci';
import { findAuth, helperOf, readConfigFile, type StoredAuth, withAuth, writeConfigFile } from './config-file.ts';
import { eraseFromHelper, getFromHelper, storeInHelper } from './credential-helper.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The name that Docker Hub's credentials are stored under. */
const hubKey = 'https://index.docker.io/v1/';

/** The name that a registry's credentials are stored under. */
export function registryKey(domain: string): string {
  return ['', defaultDomain, 'index.docker.io', 'registry-1.docker.io'].includes(domain) ? hubKey : domain;
}

/** What the user is known as at a registry. @throws CliError when the file or a helper fails */
export async function findCredentials(key: string, environment: Environment): Promise<StoredAuth | undefined> {
  const file = readConfigFile(environment);
  const helper = helperOf(file, key);
  return helper === undefined ? findAuth(file, key) : await getFromHelper(helper, key, environment);
}

/** @returns the path of the file that holds them in plain text now; undefined when a helper keeps them */
export async function storeCredentials(
  key: string,
  auth: StoredAuth,
  environment: Environment,
): Promise<string | undefined> {
  const file = readConfigFile(environment);
  const helper = helperOf(file, key);
  if (helper === undefined) {
    writeConfigFile(withAuth(file, key, auth));
    return file.path;
  }
  await storeInHelper(helper, { key, auth }, environment);
  // An empty entry tells other programs that the helper knows this registry.
  writeConfigFile(withAuth(file, key, {}));
  return undefined;
}

/** Forgets what is stored for a registry, if anything is. */
export async function eraseCredentials(key: string, environment: Environment): Promise<void> {
  const file = readConfigFile(environment);
  const helper = helperOf(file, key);
  if (helper !== undefined) await eraseFromHelper(helper, key, environment);
  if (findAuth(file, key) !== undefined) writeConfigFile(withAuth(file, key, undefined));
}

/** The header that takes the user's credentials for an image's registry along; none when nobody is logged in. */
export async function registryAuthHeader(image: string, environment: Environment): Promise<Record<string, string>> {
  const key = registryKey(parseReference(image).domain);
  const auth = await findCredentials(key, environment);
  const document = auth === undefined ? {} : wireAuth(key, auth);
  return { 'X-Registry-Auth': Buffer.from(JSON.stringify(document)).toString('base64url') };
}

function wireAuth(key: string, auth: StoredAuth): Record<string, string> {
  const { username, password, identityToken, registryToken } = auth;
  return {
    ...(username !== '' && { username }),
    ...(password !== '' && { password }),
    ...(identityToken !== '' && { identitytoken: identityToken }),
    ...(registryToken !== '' && { registrytoken: registryToken }),
    serveraddress: key,
  };
}
