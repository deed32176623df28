import { expect, test } from 'bun:test';
import { parseRepositoryName } from '../names.ts';
import { type Caller, parseGrants, usersOnly } from './grants.ts';
import { parseHtpasswd } from './htpasswd.ts';
import { formatScope, parseScopes } from './scopes.ts';
import { signToken, type TokenClaims, verifyToken } from './token.ts';

const alice: Caller = { kind: 'user', name: 'alice' };
const bob: Caller = { kind: 'user', name: 'bob' };
const nobody: Caller = { kind: 'anonymous' };
const name = parseRepositoryName;

test('grants add to each other, and what none grants is refused', () => {
  const { allowed, admitsAnonymous } = parseGrants(
    JSON.stringify({
      grants: [
        { users: ['alice'], repositories: ['team/**', 'alice.x/*'], actions: ['read', 'write', 'delete'] },
        { users: ['*'], repositories: ['team/*'], actions: ['read'] },
        { users: ['anonymous'], repositories: ['public/*'], actions: ['read'] },
      ],
    }),
  );
  const rows: readonly (readonly [Caller, string, readonly string[]])[] = [
    [alice, 'team/a', ['pull', 'push', 'delete']],
    [alice, 'team/a/b', ['pull', 'push', 'delete']],
    [alice, 'alice.x/a', ['pull', 'push', 'delete']],
    [alice, 'alicexx/a', []],
    [alice, 'team', []],
    [bob, 'team/a', ['pull']],
    [bob, 'team/a/b', []],
    [nobody, 'team/a', []],
    [nobody, 'public/a', ['pull']],
    [bob, 'public/a', ['pull']],
  ];
  for (const [caller, repository, expected] of rows) {
    const found: readonly string[] = allowed(caller, name(repository));
    expect([repository, found]).toEqual([repository, expected]);
  }
  expect(admitsAnonymous).toBe(true);
  expect([usersOnly.allowed(bob, name('x')).length, usersOnly.allowed(nobody, name('x')).length]).toEqual([3, 0]);
});

test('a grants file that says something else than was meant is refused', () => {
  const file = (grant: unknown): string => JSON.stringify({ grants: [grant] });
  expect(() => parseGrants(file({ users: ['a'], repositories: ['(a+)+'], actions: ['read'] }))).toThrow('no pattern');
  expect(() => parseGrants(file({ users: ['a'], repositories: ['a'], actions: ['admin'] }))).toThrow('"admin"');
  expect(() => parseGrants('{')).toThrow('not JSON');
});

test('scopes are read leniently and grant nothing by mistake', () => {
  const read = (...texts: string[]): readonly string[] => parseScopes(texts).map(formatScope);
  expect(read('repository:a/b:pull,push repository:c:*', 'registry:catalog:*')).toEqual([
    'repository:a/b:pull,push',
    'repository:c:pull,push,delete',
    'registry:catalog:*',
  ]);
  expect(read('', 'x', 'repository:../a:pull', 'repository:a:', 'registry:other:*', 'user:a:b')).toEqual([]);
});

const key = new Uint8Array(32).fill(7);
const claims: TokenClaims = {
  use: 'access',
  user: 'alice',
  scopes: ['repository:a:pull'],
  fingerprint: '',
  issuedAtSeconds: 1000,
  expiresAtSeconds: 1300,
};

test('a token says what was signed, for as long as was signed', () => {
  const token = signToken(claims, key);
  expect(verifyToken(token, 'access', { key, now: 1_100_000 })).toEqual(claims);
  expect(() => verifyToken(token, 'access', { key, now: 1_300_000 })).toThrow('expired');
  expect(() => verifyToken(token, 'access', { key, now: 900_000 })).toThrow('not valid yet');
  expect(() => verifyToken(token, 'refresh', { key, now: 1_100_000 })).toThrow('no refresh token');
});

test('a token that anyone else made is refused, whatever algorithm it names', () => {
  const [head = '', body = '', signature = ''] = signToken(claims, key).split('.');
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
  const more = Buffer.from(body, 'base64url').toString().replace('a:pull', 'a:push');
  const forged = [
    `${none}.${body}.`,
    `${none}.${body}.${signature}`,
    `${head}.${Buffer.from(more).toString('base64url')}.${signature}`,
    `${head}.${body}.`,
    `${head}.${body}`,
    '',
    signToken(claims, new Uint8Array(32)),
  ];
  for (const token of forged) expect(() => verifyToken(token, 'access', { key, now: 1_100_000 })).toThrow('signature');
});

test('an htpasswd file has users with bcrypt hashes and nothing else', () => {
  const hash = `$2y$05$${'a'.repeat(53)}`;
  expect([...parseHtpasswd(`# users\nalice:${hash}\n\nbob:${hash}`).keys()]).toEqual(['alice', 'bob']);
  for (const line of ['alice:plain', 'alice:$apr1$x$y', `:${hash}`, `*:${hash}`, `anonymous:${hash}`, 'alice'])
    expect(() => parseHtpasswd(`alice:${hash}\n${line}`)).toThrow('line 2');
});
