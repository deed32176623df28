import { expect, test } from 'bun:test';
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findAuth, helperOf, readConfigFile, withAuth, writeConfigFile } from './config-file.ts';
import { registryKey } from './credentials.ts';

const alice = { username: 'alice', password: 'se:cret', identityToken: '', registryToken: '' };
const basic = Buffer.from('alice:se:cret').toString('base64');
const fileOf = (document: object) => ({ path: '/x/config.json', document: JSON.parse(JSON.stringify(document)) });

test('an entry is found by its host, as old files have it too', () => {
  for (const key of ['registry.lan:5000', 'https://registry.lan:5000', 'http://registry.lan:5000/v1/'])
    expect(findAuth(fileOf({ auths: { [key]: { auth: basic } } }), 'registry.lan:5000')).toEqual(alice);
  expect(findAuth(fileOf({ auths: { 'registry.lan:5001': { auth: basic } } }), 'registry.lan:5000')).toBeUndefined();
  expect(findAuth(fileOf({ auths: { 'not-registry.lan': { auth: basic } } }), 'registry.lan')).toBeUndefined();
  expect(findAuth(fileOf({}), 'registry.lan')).toBeUndefined();
});

test('a helper of one registry wins over the one for all', () => {
  const file = fileOf({ credsStore: 'all', credHelpers: { 'a.lan': 'one', 'b.lan': '' } });
  expect(['a.lan', 'b.lan', 'c.lan'].map((key) => helperOf(file, key))).toEqual(['one', 'all', 'all']);
});

test("Docker Hub's credentials have one name, however it is called", () => {
  expect(['', 'docker.io', 'index.docker.io', 'quay.io'].map(registryKey)).toEqual([
    'https://index.docker.io/v1/',
    'https://index.docker.io/v1/',
    'https://index.docker.io/v1/',
    'quay.io',
  ]);
});

test('the file is written whole, for its owner alone, and a link to it stays a link', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-config-'));
  using _directory = { [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
  mkdirSync(join(directory, 'real'));
  const real = join(directory, 'real/config.json');
  writeFileSync(real, '{"psFormat":"kept","auths":{"other":{"auth":"x"}}}', { mode: 0o644 });
  symlinkSync(real, join(directory, 'config.json'));
  const file = readConfigFile({ DOCKER_CONFIG: directory });
  writeConfigFile(withAuth(file, 'registry.lan', alice));
  expect(JSON.parse(readFileSync(real, 'utf8'))).toEqual({
    psFormat: 'kept',
    auths: { other: { auth: 'x' }, 'registry.lan': { auth: basic } },
  });
  expect(statSync(real).mode & 0o777).toBe(0o600);
  expect(lstatSync(join(directory, 'config.json')).isSymbolicLink()).toBe(true);
  writeFileSync(real, '{"auths":');
  expect(() => readConfigFile({ DOCKER_CONFIG: directory })).toThrow(`Error loading config file: ${directory}`);
});
