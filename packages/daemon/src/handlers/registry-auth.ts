import { field, object, parseJson, text } from '@gantry/api';
import { EngineError } from '@gantry/base';
import type { RegistryAuth } from '@gantry/engine';

const credentials = object({
  username: field('username', text),
  password: field('password', text),
  basic: field('auth', text),
  identityToken: field('identitytoken', text),
  registryToken: field('registrytoken', text),
  serverAddress: field('serveraddress', text),
});

/**
 * Reads `X-Registry-Auth`: JSON in base64url. Nothing in it is undefined; an empty document means anonymous, as Docker's
 * clients send it when nobody is logged in.
 *
 * @throws invalid, without any of the header in the message
 */
export function parseRegistryAuth(header: string | undefined): RegistryAuth | undefined {
  if (header === undefined || header === '') return undefined;
  try {
    const decoded = Buffer.from(header, 'base64url').toString('utf8');
    const { basic, ...given } = credentials.parse(decoded.trim() === '' ? undefined : parseJson(decoded), 'auth');
    const auth = basic === '' || given.username !== '' ? given : { ...given, ...splitBasic(basic) };
    return Object.values(auth).every((value) => value === '') ? undefined : auth;
  } catch {
    // The parser's own message would quote the secret.
    throw new EngineError('invalid', 'invalid X-Registry-Auth header: it must be JSON in base64url');
  }
}

function splitBasic(basic: string): { username: string; password: string } {
  const [username = '', ...password] = Buffer.from(basic, 'base64').toString('utf8').split(':');
  return { username, password: password.join(':') };
}
