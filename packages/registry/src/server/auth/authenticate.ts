import { RegistryError } from '../registry-error.ts';
import { type Access, type Challenge, grantedAccess, openAccess, tokenAccess, unauthorized } from './access.ts';
import type { Caller, Grants } from './grants.ts';
import type { Htpasswd } from './htpasswd.ts';
import { verifyToken } from './token.ts';

/** How a registry knows its callers. */
export type Authentication = {
  readonly users: Htpasswd;
  readonly grants: Grants;
  /** Undefined: name and password with every request, no tokens. */
  readonly tokens: TokenService | undefined;
  readonly now: () => number;
};

export type TokenService = {
  readonly key: Uint8Array;
  /** The URL of the token endpoint as clients reach it; undefined: where the request came to. */
  readonly realm: string | undefined;
};

export const service = 'gantry-registry';

/** Finds out who sends a request and what that allows. @throws UNAUTHORIZED with a challenge */
export async function authenticate(
  authentication: Authentication | undefined,
  request: Request,
  url: URL,
): Promise<Access> {
  if (authentication === undefined) return openAccess;
  const challenge = challengeOf(authentication, url);
  const header = request.headers.get('authorization') ?? '';
  const bearer = /^Bearer +([\w.-]+)$/i.exec(header)?.[1];
  if (bearer !== undefined && authentication.tokens !== undefined)
    return readBearer(bearer, { ...authentication, tokens: authentication.tokens }, challenge);
  const caller = header === '' ? anonymous : await readBasic(header, authentication.users);
  if (caller === undefined) throw unauthorized('authentication required', challenge(''));
  return grantedAccess(caller, grantsFor(authentication, caller), challenge);
}

const anonymous: Caller = { kind: 'anonymous' };

/** With tokens, nobody enters without one, not even nobody: clients learn from the challenge where to get it. */
function grantsFor({ grants, tokens }: Authentication, caller: Caller): Grants {
  return tokens !== undefined && caller.kind === 'anonymous' ? { ...grants, admitsAnonymous: false } : grants;
}

function readBearer(
  token: string,
  { tokens, grants, now }: Authentication & { readonly tokens: TokenService },
  challenge: Challenge,
): Access {
  try {
    const { user, scopes } = verifyToken(token, 'access', { key: tokens.key, now: now() });
    const caller: Caller = user === '' ? anonymous : { kind: 'user', name: user };
    return tokenAccess(caller, scopes, { grants, challenge });
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    throw unauthorized(error.message, `${challenge('')},error="invalid_token"`);
  }
}

/** Reads name and password. @returns undefined when they are wrong, or no basic credentials at all */
export async function readBasic(header: string, users: Htpasswd): Promise<Caller | undefined> {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const [, name = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  return (await users.verify(name, password)) ? { kind: 'user', name } : undefined;
}

/** Spec: RFC 6750 section 3; distribution's auth/token.md. */
function challengeOf({ tokens }: Authentication, url: URL): Challenge {
  if (tokens === undefined) return () => `Basic realm="${service}"`;
  const realm = tokens.realm ?? `${url.origin}/token`;
  return (scope) => `Bearer realm="${realm}",service="${service}"${scope === '' ? '' : `,scope="${scope}"`}`;
}
