import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalRegistry, startLocalRegistry } from '../../tools/local-registry.ts';
import type { CommandOptions, CommandResult } from '../harness/command.ts';
import { type ClientName, startEngine, type TestEngine } from '../harness/engine.ts';
import { makeCertificate, startTokenService } from './token-service.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

let engine: TestEngine;
let registry: LocalRegistry;
let work: string;
const clients: readonly ClientName[] = ['docker', 'gantry'];

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'gantry-login-'));
  registry = await startLocalRegistry(join(work, 'registry'), { user: { name: 'alice', password: 'secret' } });
  engine = await startEngine();
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  rmSync(work, { recursive: true });
});

type As = {
  readonly directory: string;
  readonly run: (argv: readonly string[], options?: CommandOptions) => Promise<CommandResult>;
  readonly config: () => Record<string, unknown>;
};

/** A client with a configuration of its own. The engine's harness sets one, so it goes in by the program's own flag. */
function as(client: ClientName, configuration?: object): As {
  const directory = mkdtempSync(join(work, 'client-'));
  const path = join(directory, 'config.json');
  if (configuration !== undefined) writeFileSync(path, JSON.stringify(configuration));
  const environment = { DOCKER_CONFIG: directory };
  return {
    directory,
    run: (argv, options) =>
      engine.run(client, argv, { ...options, environment: { ...environment, ...options?.environment } }),
    config: () => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>,
  };
}

const alice = Buffer.from('alice:secret').toString('base64');

test.each(clients)('%s logs in, pushes and pulls with what it stored, and logs out', async (client) => {
  const { run, config, directory } = as(client);
  const login = await run(['login', '-u', 'alice', '--password-stdin', registry.host], { stdin: 'secret\n' });
  expect(login).toEqual({
    stdout: 'Login Succeeded\n',
    stderr: `\nWARNING! Your credentials are stored unencrypted in '${directory}/config.json'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/\n\n`,
    exitCode: 0,
  });
  expect(config()).toEqual({ auths: { [registry.host]: { auth: alice } } });
  expect(statSync(join(directory, 'config.json')).mode & 0o777).toBe(0o600);
  const name = `${registry.host}/${client}`;
  await engine.output('docker', ['tag', 'busybox', name]);
  expect((await run(['push', name])).stdout).toMatch(/: (Pushed|Mounted from docker)/);
  expect((await run(['pull', name])).stdout).toContain('Status: Image is up to date');
  const again = await run(['login', registry.host]);
  expect(again.stderr).toContain('Authenticating with existing credentials... [Username: alice]');
  expect(again.stdout).toContain('Login Succeeded');
  expect((await run(['logout', registry.host])).stdout).toBe(`Removing login credentials for ${registry.host}\n`);
  expect(config()).toEqual({ auths: {} });
  const refused = await run(['push', name]);
  expect([refused.stderr, refused.exitCode]).toEqual([
    `no basic auth credentials: log in to the registry: docker login ${registry.host}\n`,
    1,
  ]);
});

test.each(clients)("%s tells in Docker's words why nobody is logged in", async (client) => {
  const { run, directory } = as(client);
  const insecure = 'WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n';
  const rows: readonly (readonly [argv: readonly string[], stderr: string])[] = [
    [
      ['-u', 'alice', '-p', 'wrong', registry.host],
      `${insecure}Error response from daemon: login attempt to http://${registry.host}/v2/ failed with status: 401 Unauthorized\n`,
    ],
    [
      ['-u', 'alice', '-p', 'x', '127.0.0.1:9'],
      `${insecure}Error response from daemon: Get "http://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused\n`,
    ],
    [['-u', 'alice', registry.host], 'Error: Cannot perform an interactive login from a non TTY device\n'],
    [['--password-stdin', registry.host], 'the --password-stdin option requires --username to be set\n'],
    [
      ['-u', 'a', '--password-stdin', '-p', 'x', registry.host],
      'conflicting options: cannot specify both --password and --password-stdin\n',
    ],
  ];
  for (const [argv, stderr] of rows) expect(await run(['login', ...argv])).toEqual({ stdout: '', stderr, exitCode: 1 });
  expect(existsSync(join(directory, 'config.json'))).toBe(false);
});

test('gantry asks for name and password on a terminal and does not show the password', async () => {
  const { directory } = as('gantry');
  await using terminal = engine.terminal('gantry', ['login', registry.host], {
    environment: { DOCKER_CONFIG: directory },
  });
  await terminal.expect('Username: ');
  terminal.type('alice\n');
  await terminal.expect('Password: ');
  terminal.type('secret\n');
  await terminal.expect('Login Succeeded');
  expect(terminal.screen).not.toContain('secret');
});

/** A credential helper that keeps secrets in files, and a path on which it is found. */
function makeHelper(): { readonly environment: { readonly PATH: string }; readonly secrets: string } {
  const directory = mkdtempSync(join(work, 'helper-'));
  const secrets = join(directory, 'secrets');
  mkdirSync(secrets);
  const program = join(directory, 'docker-credential-files');
  writeFileSync(
    program,
    `#!/bin/sh
cd ${secrets}
case "$1" in
  store) cat > new; mv new "$(sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/' new | tr / _)" ;;
  get) read -r key || :; file=$(printf %s "$key" | tr / _)
    [ -e "$file" ] || { echo "credentials not found in native keychain"; exit 1; }
    cat "$file" ;;
  erase) read -r key || :; rm -f "$(printf %s "$key" | tr / _)" ;;
esac
`,
  );
  chmodSync(program, 0o755);
  return { environment: { PATH: `${directory}:${process.env.PATH}` }, secrets };
}

test.each(clients)('%s keeps secrets in a credential helper, of one registry or of all', async (client) => {
  for (const configuration of [{ credsStore: 'files' }, { credHelpers: { [registry.host]: 'files' } }]) {
    const { environment, secrets } = makeHelper();
    const { run, config } = as(client, { ...configuration, psFormat: 'kept' });
    const login = await run(['login', '-u', 'alice', '--password-stdin', registry.host], {
      stdin: 'secret',
      environment,
    });
    expect(login).toEqual({ stdout: 'Login Succeeded\n', stderr: '', exitCode: 0 });
    expect(config()).toEqual({ ...configuration, psFormat: 'kept', auths: { [registry.host]: {} } });
    expect(JSON.parse(readFileSync(join(secrets, registry.host), 'utf8'))).toEqual({
      ServerURL: registry.host,
      Username: 'alice',
      Secret: 'secret',
    });
    const name = `${registry.host}/helped-${client}`;
    await engine.output('docker', ['tag', 'busybox', name]);
    expect((await run(['push', name], { environment })).exitCode).toBe(0);
    await run(['logout', registry.host], { environment });
    expect(existsSync(join(secrets, registry.host))).toBe(false);
    expect((await run(['push', name], { environment })).stderr).toStartWith('no basic auth credentials: ');
  }
});

test('a helper that is not there is named', async () => {
  const { run } = as('gantry', { credsStore: 'nowhere' });
  expect((await run(['pull', `${registry.host}/x`])).stderr).toContain(
    'error getting credentials - err: exec: "docker-credential-nowhere": executable file not found in $PATH',
  );
});

test.each(clients)(
  '%s exchanges a password for an identity token, and that for the tokens of each push',
  async (client) => {
    const signer = await makeCertificate(work, `tokens-${client}`);
    using service = startTokenService(signer);
    const tokens = { realm: `http://${service.host}/token`, certificate: signer.certificate };
    await using guarded = await startLocalRegistry(join(work, `guarded-${client}`), { tokens });
    service.upstream = guarded.host;
    const { run, config } = as(client);
    const wrong = await run(['login', '-u', 'alice', '--password-stdin', service.host], { stdin: 'wrong' });
    expect(wrong.stderr).toContain('unauthorized: incorrect username or password');
    const login = await run(['login', '-u', 'alice', '--password-stdin', service.host], { stdin: 'secret' });
    expect(login.stdout).toBe('Login Succeeded\n');
    expect(config()).toMatchObject({ auths: { [service.host]: { identitytoken: 'refresh-me' } } });
    expect(JSON.stringify(config())).not.toContain(alice);
    service.seen.length = 0;
    const [one, two] = [`${service.host}/team/one`, `${service.host}/two`];
    for (const name of [one, two]) {
      await engine.output('docker', ['tag', 'busybox', name]);
      const pushed = await run(['push', name]);
      expect([pushed.stderr, pushed.exitCode]).toEqual(['', 0]);
    }
    expect(service.seen).toEqual([
      'POST refresh-me repository:team/one:pull,push',
      'POST refresh-me repository:two:pull,push',
      'POST refresh-me repository:two:pull,push repository:team/one:pull',
    ]);
    await engine.output('docker', ['rmi', one]);
    expect((await run(['pull', one])).exitCode).toBe(0);
    expect(service.seen.at(-1)).toBe('POST refresh-me repository:team/one:pull');
  },
);
