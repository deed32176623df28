import { readCapped } from '../http/body.ts';
import { RegistryError } from '../registry-error.ts';
import { unauthorized } from './access.ts';
import { type Authentication, readBasic, service, type TokenService } from './authenticate.ts';
import type { Caller } from './grants.ts';
import { formatScope, parseScopes, type Scope } from './scopes.ts';
import { signToken, verifyToken } from './token.ts';

const accessSeconds = 300;
const refreshSeconds = 90 * 86_400;
const maximumFormBytes = 64 * 1024;

type Issuing = Authentication & { readonly tokens: TokenService };
type Asked = { readonly caller: Caller; readonly scopes: readonly string[]; readonly wantsRefresh: boolean };

/**
 * `GET /token` with basic credentials or none, and `POST /token` with an OAuth2 form. A token holds what was asked for
 * as far as it is granted; asking for more is no error.
 *
 * Spec: distribution's auth/token.md and auth/oauth.md. @throws UNAUTHORIZED
 */
export async function issueToken(issuing: Issuing, request: Request, url: URL): Promise<Response> {
  const asked = request.method === 'POST' ? await readForm(issuing, request) : await readQuery(issuing, request, url);
  const scopes = parseScopes(asked.scopes)
    .map((scope) => granted(issuing, asked.caller, scope))
    .filter((scope) => scope !== undefined);
  const now = issuing.now();
  const user = asked.caller.kind === 'user' ? asked.caller.name : '';
  const issuedAtSeconds = Math.floor(now / 1000);
  const access = signToken(
    {
      use: 'access',
      user,
      scopes: scopes.map(formatScope),
      fingerprint: '',
      issuedAtSeconds,
      expiresAtSeconds: issuedAtSeconds + accessSeconds,
    },
    issuing.tokens.key,
  );
  const document = {
    token: access,
    access_token: access,
    expires_in: accessSeconds,
    issued_at: new Date(now).toISOString(),
    scope: scopes.map(formatScope).join(' '),
    ...(asked.wantsRefresh && user !== '' && { refresh_token: signRefresh(issuing, user, issuedAtSeconds) }),
  };
  return Response.json(document, { headers: { 'cache-control': 'no-store' } });
}

function granted({ grants }: Issuing, caller: Caller, scope: Scope): Scope | undefined {
  if (scope.type === 'registry') return caller.kind === 'user' || grants.admitsAnonymous ? scope : undefined;
  const allowed = grants.allowed(caller, scope.name);
  const actions = scope.actions.filter((action) => allowed.includes(action));
  return actions.length === 0 ? undefined : { ...scope, actions };
}

function signRefresh({ users, tokens }: Issuing, user: string, issuedAtSeconds: number): string {
  const expiresAtSeconds = issuedAtSeconds + refreshSeconds;
  const fingerprint = users.fingerprint(user) ?? '';
  return signToken({ use: 'refresh', user, scopes: [], fingerprint, issuedAtSeconds, expiresAtSeconds }, tokens.key);
}

async function readQuery(issuing: Issuing, request: Request, url: URL): Promise<Asked> {
  const header = request.headers.get('authorization');
  const caller = header === null ? ({ kind: 'anonymous' } as const) : await readBasic(header, issuing.users);
  if (caller === undefined) throw wrongCredentials();
  const wantsRefresh = url.searchParams.get('offline_token') === 'true';
  return { caller, scopes: url.searchParams.getAll('scope'), wantsRefresh };
}

async function readForm(issuing: Issuing, request: Request): Promise<Asked> {
  const form = new URLSearchParams(new TextDecoder().decode(await readCapped(request, maximumFormBytes)));
  const caller = await readGrant(issuing, form);
  return { caller, scopes: form.getAll('scope'), wantsRefresh: form.get('access_type') === 'offline' };
}

async function readGrant(issuing: Issuing, form: URLSearchParams): Promise<Caller> {
  const { users, tokens, now } = issuing;
  switch (form.get('grant_type')) {
    case 'password': {
      const name = form.get('username') ?? '';
      if (!(await users.verify(name, form.get('password') ?? ''))) throw wrongCredentials();
      return { kind: 'user', name };
    }
    case 'refresh_token': {
      const claims = verifyToken(form.get('refresh_token') ?? '', 'refresh', { key: tokens.key, now: now() });
      // A user who is gone, or has another password now.
      if (users.fingerprint(claims.user) !== claims.fingerprint) throw wrongCredentials();
      return { kind: 'user', name: claims.user };
    }
    default:
      throw new RegistryError('UNSUPPORTED', 'grant_type is neither password nor refresh_token', { status: 400 });
  }
}

function wrongCredentials(): RegistryError {
  return unauthorized('incorrect username or password', `Basic realm="${service}"`);
}
