import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { messageOf } from '@gantry/base';
import { parseFields } from '@gantry/oci';
import { RegistryError } from '../registry-error.ts';

/** `access` opens repositories for minutes, `refresh` gets new tokens for weeks. */
export type TokenUse = 'access' | 'refresh';

export type TokenClaims = {
  readonly use: TokenUse;
  /** '' for nobody. */
  readonly user: string;
  /** Scopes, as they are written. */
  readonly scopes: readonly string[];
  /** Ties a refresh token to the password that it was got with; '' otherwise. */
  readonly fingerprint: string;
  readonly issuedAtSeconds: number;
  readonly expiresAtSeconds: number;
};

const issuer = 'gantry-registry';
/** Clocks of one machine do not differ, but they are set back now and then. */
const toleranceSeconds = 60;
const header = encode({ alg: 'HS256', typ: 'JWT' });

/**
 * Signs claims as a JSON web token. The registry is its own token service, so one secret signs and verifies.
 *
 * Spec: RFC 7515, RFC 7519; distribution's auth/jwt.md.
 */
export function signToken(claims: TokenClaims, key: Uint8Array): string {
  const body = encode({
    iss: issuer,
    aud: issuer,
    sub: claims.user,
    iat: claims.issuedAtSeconds,
    nbf: claims.issuedAtSeconds,
    exp: claims.expiresAtSeconds,
    jti: randomUUID(),
    use: claims.use,
    scopes: claims.scopes,
    fingerprint: claims.fingerprint,
  });
  return `${header}.${body}.${signatureOf(`${header}.${body}`, key).toString('base64url')}`;
}

/**
 * Reads a token that this registry signed.
 *
 * SAFETY: the header is compared, not read: no other algorithm, and none at all, is ever accepted.
 *
 * @throws UNAUTHORIZED
 */
export function verifyToken(token: string, use: TokenUse, { key, now }: { key: Uint8Array; now: number }): TokenClaims {
  const [head = '', body = '', signature = ''] = token.split('.');
  const expected = signatureOf(`${head}.${body}`, key);
  const given = Buffer.from(signature, 'base64url');
  if (head !== header || given.length !== expected.length || !timingSafeEqual(given, expected))
    throw refused('its signature is not ours');
  const claims = readClaims(body);
  const seconds = now / 1000;
  if (claims.use !== use) throw refused(`it is no ${use} token`);
  if (seconds >= claims.expiresAtSeconds) throw refused('it has expired');
  if (seconds + toleranceSeconds < claims.issuedAtSeconds) throw refused('it is not valid yet');
  return claims;
}

function readClaims(body: string): TokenClaims {
  try {
    const fields = parseFields(Buffer.from(body, 'base64url').toString(), 'token');
    const use = fields.text('use');
    return {
      use: use === 'refresh' ? 'refresh' : 'access',
      user: fields.text('sub'),
      scopes: fields.texts('scopes'),
      fingerprint: fields.text('fingerprint'),
      issuedAtSeconds: fields.integer('iat'),
      expiresAtSeconds: fields.integer('exp'),
    };
  } catch (error) {
    throw refused(messageOf(error));
  }
}

function signatureOf(text: string, key: Uint8Array): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function refused(why: string): RegistryError {
  return new RegistryError('UNAUTHORIZED', `invalid token: ${why}`);
}
