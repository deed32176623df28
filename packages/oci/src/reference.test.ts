import { expect, test } from 'bun:test';
import { familiarName, formatReference, parseReference, repositoryOf, withDefaultTag } from './reference.ts';

const hex = 'a'.repeat(64);

test('familiar names stand for whole ones, and print back as people write them', () => {
  const rows = [
    ['busybox', 'docker.io/library/busybox', 'busybox'],
    ['user/app:1', 'docker.io/user/app', 'user/app:1'],
    ['docker.io/library/busybox', 'docker.io/library/busybox', 'busybox'],
    ['docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
    ['index.docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
    ['localhost/app', 'localhost/app', 'localhost/app'],
    ['localhost:5000/app:v1.2', 'localhost:5000/app', 'localhost:5000/app:v1.2'],
    ['127.0.0.1:5000/a/b/c', '127.0.0.1:5000/a/b/c', '127.0.0.1:5000/a/b/c'],
    ['[::1]:5000/app', '[::1]:5000/app', '[::1]:5000/app'],
    ['Host/app', 'Host/app', 'Host/app'],
    [`quay.io/a/b@sha256:${hex}`, 'quay.io/a/b', `quay.io/a/b@sha256:${hex}`],
    [`a_b--c.d:t@sha256:${hex}`, 'docker.io/library/a_b--c.d', `a_b--c.d:t@sha256:${hex}`],
    ['docker.io/library/library/x', 'docker.io/library/library/x', 'library/library/x'],
  ];
  const read = rows.map(([text = '']) => [
    text,
    repositoryOf(parseReference(text)),
    formatReference(parseReference(text)),
  ]);
  expect(read).toEqual(rows);
});

test('a reference without tag and digest means latest', () => {
  expect(formatReference(withDefaultTag(parseReference('busybox')))).toBe('busybox:latest');
  expect(formatReference(withDefaultTag(parseReference(`busybox@sha256:${hex}`)))).toBe(`busybox@sha256:${hex}`);
  expect(familiarName(parseReference('docker.io/library/busybox:1'))).toBe('busybox');
});

test("what is no reference is refused with Docker's texts", () => {
  const rows: readonly (readonly [string, string])[] = [
    ['', 'invalid reference format'],
    ['BusyBox', 'invalid reference format: repository name (library/BusyBox) must be lowercase'],
    ['user/App:1', 'invalid reference format: repository name (user/App) must be lowercase'],
    [hex, `invalid repository name (${hex}), cannot specify 64-byte hexadecimal strings`],
    ['a:', 'invalid reference format'],
    ['a b', 'invalid reference format'],
    ['-a', 'invalid reference format'],
    ['a___b', 'invalid reference format'],
    ['a..b', 'invalid reference format'],
    ['a//b', 'invalid reference format'],
    ['../etc', 'invalid reference format'],
    ['localhost:port/a', 'invalid reference format'],
    [`a:${'t'.repeat(129)}`, 'invalid reference format'],
    ['a:.t', 'invalid reference format'],
    ['a@sha256:12', 'invalid reference format'],
    [`a@sha256:${'a'.repeat(63)}`, 'invalid checksum digest length'],
    [`a@sha256:${'A'.repeat(64)}`, 'invalid checksum digest format'],
    [`a@md5:${'a'.repeat(32)}`, 'unsupported digest algorithm: "md5"'],
    ['a/'.repeat(128).concat('a'), 'repository name must not be more than 255 characters'],
    ['a'.repeat(100_000), 'invalid reference format'],
  ];
  for (const [text, message] of rows) expect(() => parseReference(text)).toThrow(message);
});
