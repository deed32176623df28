import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOutput } from '../harness/command.ts';

/** A key pair with a certificate that vouches for itself, as PEM files. */
export type MadeCertificate = { readonly certificate: string; readonly key: string };

/** Makes an authority of its own, or with `signedBy` a certificate for these names. */
export async function makeCertificate(
  directory: string,
  name: string,
  options: { readonly names?: readonly string[]; readonly signedBy?: MadeCertificate } = {},
): Promise<MadeCertificate> {
  const [certificate, key] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
  const { names = [], signedBy } = options;
  const authority = signedBy === undefined ? [] : ['-CA', signedBy.certificate, '-CAkey', signedBy.key];
  const extensions = names.length === 0 ? [] : ['-addext', `subjectAltName=${names.join(',')}`];
  const subject = ['-subj', `/CN=${name}`, '-days', '2'];
  const fresh = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key];
  await commandOutput(['openssl', 'req', ...fresh, '-out', certificate, ...subject, ...authority, ...extensions]);
  return { certificate, key };
}

export type TokenService = Disposable & {
  readonly host: string;
  /** The registry that everything but `/token` is passed on to. */
  upstream: string;
  /** What came, credentials and scopes in clear text. */
  readonly seen: string[];
};

const user = { name: 'alice', password: 'secret', refreshToken: 'refresh-me' };

/**
 * A token service as registries name one, on the host of its registry: grants alice whatever she asks for, by name and password (GET) or by refresh
 * token (POST), in signed tokens that a real registry checks.
 *
 * Spec: the `distribution` token specification and its OAuth2 form.
 */
export function startTokenService(signer: MadeCertificate): TokenService {
  const seen: string[] = [];
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: async (request) => {
      const url = new URL(request.url);
      if (url.pathname !== '/token') return await passOn(request, service.upstream);
      const form = request.method === 'POST' ? new URLSearchParams(await request.text()) : url.searchParams;
      const scopes = form
        .getAll('scope')
        .flatMap((text) => text.split(' '))
        .filter((scope) => scope !== '');
      const authorization = request.headers.get('authorization') ?? '';
      seen.push(`${request.method} ${form.get('refresh_token') ?? authorization} ${scopes.join(' ')}`.trim());
      const expected = `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}`;
      const isKnown = authorization === expected || form.get('refresh_token') === user.refreshToken;
      if (!isKnown) {
        const error = { code: 'UNAUTHORIZED', message: 'incorrect username or password' };
        return Response.json({ errors: [error] }, { status: 401 });
      }
      const token = signToken(signer, scopes);
      const wantsRefresh = form.get('offline_token') === 'true';
      return Response.json({
        token,
        access_token: token,
        expires_in: 300,
        ...(wantsRefresh && { refresh_token: user.refreshToken }),
      });
    },
  });
  const host = `127.0.0.1:${server.port}`;
  const service: TokenService = { host, seen, upstream: '', [Symbol.dispose]: () => void server.stop(true) };
  return service;
}

async function passOn(request: Request, upstream: string): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const { method, headers, body } = request;
  const redirect = 'manual';
  return await fetch(`http://${upstream}${pathname}${search}`, { method, headers, body, redirect, decompress: false });
}

function signToken({ certificate, key }: MadeCertificate, scopes: readonly string[]): string {
  const seconds = Math.trunc(Date.now() / 1000);
  const chain = readFileSync(certificate, 'utf8').replace(/-----[^-]+-----|\s/g, '');
  const access = scopes.map((scope) => {
    const [, type, name, actions = ''] = /^(\w+):(.+):([^:]+)$/.exec(scope) ?? [];
    return { type, name, actions: actions.split(',') };
  });
  const claims = {
    iss: 'tests',
    sub: user.name,
    aud: 'registry',
    exp: seconds + 300,
    nbf: seconds - 10,
    iat: seconds,
    jti: randomUUID(),
    access,
  };
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode({ typ: 'JWT', alg: 'ES256', x5c: [chain] })}.${encode(claims)}`;
  const privateKey = { key: createPrivateKey(readFileSync(key)), dsaEncoding: 'ieee-p1363' as const };
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
}
