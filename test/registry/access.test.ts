import { afterAll, expect, test } from 'bun:test';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../harness/wait-for.ts';
import {
  digestOf,
  errorCode,
  pushBlob,
  pushImage,
  randomBlob,
  startRegistry,
  type TestRegistry,
} from './registry-server.ts';

const passwords = { alice: 'correct horse', bob: 'battery:staple' } as const;
type User = keyof typeof passwords;

async function htpasswd(users: Readonly<Record<string, string>>): Promise<string> {
  const lines = Object.entries(users).map(
    async ([user, password]) => `${user}:${await Bun.password.hash(password, { algorithm: 'bcrypt', cost: 4 })}`,
  );
  return `${(await Promise.all(lines)).join('\n')}\n`;
}

const grants = {
  grants: [
    { users: ['alice'], repositories: ['**'], actions: ['read', 'write', 'delete'] },
    { users: ['bob'], repositories: ['team/*'], actions: ['read', 'write'] },
    { users: ['anonymous'], repositories: ['public/*'], actions: ['read'] },
  ],
};

async function prepare(root: string): Promise<readonly string[]> {
  writeFileSync(join(root, 'htpasswd'), await htpasswd(passwords));
  writeFileSync(join(root, 'grants.json'), JSON.stringify(grants));
  return ['--htpasswd', join(root, 'htpasswd'), '--grants', join(root, 'grants.json')];
}

const basic = await startRegistry({ prepare });
const tokens = await startRegistry({ prepare, argv: ['--tokens'] });
afterAll(async () => {
  await basic[Symbol.asyncDispose]();
  await tokens[Symbol.asyncDispose]();
});

function basicHeader(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** A registry as a user of it sees it. */
function as(user: User, registry: TestRegistry = basic): Pick<TestRegistry, 'request'> {
  const authorization = basicHeader(user, passwords[user]);
  return {
    request: (method, path, init) =>
      registry.request(method, path, {
        ...init,
        headers: { ...(init?.headers as Record<string, string>), authorization },
      }),
  };
}

type Token = { token: string; access_token: string; refresh_token?: string; expires_in: number; scope: string };

async function getToken(user: User | undefined, scopes: readonly string[], more = ''): Promise<Token> {
  const query = scopes.map((scope) => `scope=${encodeURIComponent(scope)}`).join('&');
  const headers: Record<string, string> =
    user === undefined ? {} : { authorization: basicHeader(user, passwords[user]) };
  const response = await tokens.request('GET', `/token?service=gantry-registry&${query}${more}`, { headers });
  expect(response.status).toBe(200);
  return (await response.json()) as Token;
}

const withToken = (token: string): Pick<TestRegistry, 'request'> => ({
  request: (method, path, init) =>
    tokens.request(method, path, {
      ...init,
      headers: { ...(init?.headers as Record<string, string>), authorization: `Bearer ${token}` },
    }),
});

test('without a name the root asks for one, and a wrong password is told nothing', async () => {
  // Something here is granted to everybody, so everybody may enter; what is not public asks who it is.
  const denied = await basic.request('GET', '/v2/team/a/tags/list');
  expect([denied.status, denied.headers.get('www-authenticate'), await errorCode(denied)]).toEqual([
    401,
    'Basic realm="gantry-registry"',
    'UNAUTHORIZED',
  ]);
  for (const [user, password] of [
    ['alice', 'wrong'],
    ['nobody', 'x'],
    ['alice', ''],
    ['', ''],
  ] as const) {
    const response = await basic.request('GET', '/v2/', { headers: { authorization: basicHeader(user, password) } });
    expect([user, response.status]).toEqual([user, 401]);
  }
  expect((await as('bob').request('GET', '/v2/')).status).toBe(200);
});

test('each may do what is granted, and no more', async () => {
  const { digest } = await pushImage(as('alice'), 'public/a', 'v1');
  await pushImage(as('bob'), 'team/a', 'v1');
  await pushImage(as('alice'), 'private', 'v1');
  const statusOf = async (who: Pick<TestRegistry, 'request'>, method: string, path: string): Promise<number> =>
    (await who.request(method, path)).status;
  expect(await statusOf(basic, 'GET', '/v2/public/a/manifests/v1')).toBe(200);
  expect(await statusOf(basic, 'POST', '/v2/public/a/blobs/uploads/')).toBe(401);
  expect(await statusOf(as('bob'), 'GET', '/v2/public/a/manifests/v1')).toBe(200);
  expect(await statusOf(as('bob'), 'POST', '/v2/public/a/blobs/uploads/')).toBe(403);
  expect(await statusOf(as('bob'), 'GET', '/v2/private/manifests/v1')).toBe(403);
  expect(await statusOf(as('bob'), 'DELETE', '/v2/team/a/manifests/v1')).toBe(403);
  expect(await statusOf(as('alice'), 'DELETE', `/v2/public/a/manifests/${digest}`)).toBe(202);
});

test('lists show what may be read, and nothing is mounted from where it may not', async () => {
  const { bytes, digest } = randomBlob(100);
  await pushBlob(as('alice'), 'hidden/x', bytes);
  await pushImage(as('bob'), 'team/b', 'v1');
  const catalog = (await (await as('bob').request('GET', '/v2/_catalog')).json()) as { repositories: string[] };
  expect(catalog.repositories).toContain('team/b');
  expect(catalog.repositories).not.toContain('hidden/x');
  for (const from of ['', '&from=hidden/x']) {
    const mount = await as('bob').request('POST', `/v2/team/b/blobs/uploads/?mount=${digest}${from}`);
    expect(mount.status).toBe(202);
  }
  expect((await as('alice').request('POST', `/v2/team/b/blobs/uploads/?mount=${digest}`)).status).toBe(201);
});

test('a user who is taken from the file, or has another password, is out at once', async () => {
  const file = join(basic.root, 'htpasswd');
  expect((await as('bob').request('GET', '/v2/')).status).toBe(200);
  writeFileSync(file, await htpasswd({ alice: passwords.alice, bob: 'another one' }));
  await waitFor('the old password is refused', async () => (await as('bob').request('GET', '/v2/')).status === 401);
  const again = await basic.request('GET', '/v2/', { headers: { authorization: basicHeader('bob', 'another one') } });
  expect(again.status).toBe(200);
  writeFileSync(file, 'no htpasswd file at all\n');
  expect((await as('alice').request('GET', '/v2/')).status).toBe(200);
  writeFileSync(file, await htpasswd(passwords));
});

test('who guesses many passwords at once is told to come back later', async () => {
  const slow = await Bun.password.hash('x', { algorithm: 'bcrypt', cost: 9 });
  writeFileSync(join(basic.root, 'htpasswd'), `slow:${slow}\n${await htpasswd(passwords)}`);
  const guesses = Array.from({ length: 120 }, (_, index) =>
    basic.request('GET', '/v2/', { headers: { authorization: basicHeader('slow', `guess ${index}`) } }),
  );
  const answers = await Promise.all(guesses);
  const refused = answers.find((response) => response.status === 429);
  expect(answers.map((response) => response.status).filter((status) => status !== 429 && status !== 401)).toEqual([]);
  expect([refused?.headers.get('retry-after'), refused && (await errorCode(refused))]).toEqual([
    '1',
    'TOOMANYREQUESTS',
  ]);
});

test('the challenge names the token endpoint and the scope, and a token for it opens exactly that', async () => {
  const challenge = await tokens.request('POST', '/v2/team/t/blobs/uploads/');
  expect([challenge.status, challenge.headers.get('www-authenticate')]).toEqual([
    401,
    `Bearer realm="${tokens.url()}/token",service="gantry-registry",scope="repository:team/t:pull,push"`,
  ]);
  expect((await tokens.request('GET', '/v2/')).status).toBe(401);
  const { token, access_token, expires_in, scope } = await getToken('bob', ['repository:team/t:pull,push,delete']);
  expect([token, expires_in, scope]).toEqual([access_token, 300, 'repository:team/t:pull,push']);
  const bob = withToken(token);
  const { digest } = await pushImage(bob, 'team/t', 'v1');
  expect((await bob.request('GET', '/v2/')).status).toBe(200);
  const other = await bob.request('GET', '/v2/team/u/tags/list');
  expect([other.status, await errorCode(other)]).toEqual([401, 'DENIED']);
  expect(other.headers.get('www-authenticate')).toEndWith('scope="repository:team/u:pull",error="insufficient_scope"');
  expect((await bob.request('DELETE', `/v2/team/t/manifests/${digest}`)).status).toBe(401);
});

test('what is not granted is left out of a token, without an error', async () => {
  expect((await getToken('bob', ['repository:private:pull,push', 'registry:catalog:*'])).scope).toBe(
    'registry:catalog:*',
  );
  expect((await getToken(undefined, ['repository:public/a:pull,push'])).scope).toBe('repository:public/a:pull');
  expect((await getToken(undefined, ['repository:team/a:pull'])).scope).toBe('');
  const wrong = await tokens.request('GET', '/token', { headers: { authorization: basicHeader('bob', 'x') } });
  expect([wrong.status, await errorCode(wrong)]).toEqual([401, 'UNAUTHORIZED']);
});

test('a refresh token gets tokens for as long as the password stays', async () => {
  const { refresh_token = '' } = await getToken('bob', [], '&offline_token=true');
  const post = (form: Readonly<Record<string, string>>): Promise<Response> =>
    tokens.request('POST', '/token', { body: new URLSearchParams(form) });
  const form = {
    grant_type: 'refresh_token',
    refresh_token,
    scope: 'repository:team/t:pull',
    service: 'gantry-registry',
  };
  expect(await (await post(form)).json()).toMatchObject({ scope: 'repository:team/t:pull' });
  const password = { grant_type: 'password', username: 'bob', password: passwords.bob, access_type: 'offline' };
  expect(((await (await post(password)).json()) as Token).refresh_token).toBeString();
  expect((await post({ ...password, password: 'x' })).status).toBe(401);
  expect((await post({ grant_type: 'other' })).status).toBe(400);
  // It opens no repository by itself.
  expect((await withToken(refresh_token).request('GET', '/v2/')).status).toBe(401);
  writeFileSync(join(tokens.root, 'htpasswd'), await htpasswd({ ...passwords, bob: 'new' }));
  await waitFor('the refresh token is void', async () => (await post(form)).status === 401);
  writeFileSync(join(tokens.root, 'htpasswd'), await htpasswd(passwords));
});

test('tokens outlive a restart, and their key is nobody else’s to read', async () => {
  const { token } = await getToken('alice', ['repository:team/r:pull,push']);
  await tokens.end('SIGKILL');
  await tokens.start();
  await pushImage(withToken(token), 'team/r', 'v1');
  expect(statSync(join(tokens.data, 'token.key')).mode & 0o777).toBe(0o600);
  const forged = `${token.slice(0, -4)}AAAA`;
  const refused = await withToken(forged).request('GET', '/v2/');
  expect([refused.status, await errorCode(refused)]).toEqual([401, 'UNAUTHORIZED']);
  expect(digestOf(forged)).not.toBe(digestOf(token));
});

test('passwords stand in no log', () => {
  const secrets = Object.entries(passwords).flatMap(([user, password]) => [
    password,
    Buffer.from(`${user}:${password}`).toString('base64'),
  ]);
  for (const registry of [basic, tokens]) for (const secret of secrets) expect(registry.log()).not.toContain(secret);
});
