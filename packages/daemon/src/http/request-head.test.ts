import { expect, test } from 'bun:test';
import { parseRequestHead } from './request-head.ts';

const parse = (target: string, ...headers: string[]): ReturnType<typeof parseRequestHead> =>
  parseRequestHead([`POST ${target} HTTP/1.1`, 'Host: d', ...headers].join('\r\n'));

test('a target is a decoded path and a query', () => {
  const { path, query } = parse('/images/a%2Fb/json?name=x%20y&all=1');
  expect([path, query.get('name'), query.get('all')]).toEqual(['/images/a/b/json', 'x y', '1']);
});

test('a target with scheme and host, as proxies send it, means its path', () => {
  expect(parse('http://docker/info').path).toBe('/info');
});

test('an upgrade counts only with its connection header', () => {
  expect(parse('/', 'Upgrade: tcp').upgrade).toBeUndefined();
  expect(parse('/', 'Connection: keep-alive, Upgrade', 'Upgrade: tcp').upgrade).toBe('tcp');
});

test('a body is framed by length or by chunks, or is none', () => {
  expect(parse('/', 'Content-Length: 5').body).toEqual({ kind: 'length', bytes: 5 });
  expect(parse('/', 'Content-Length: 0').body).toEqual({ kind: 'none' });
  expect(parse('/', 'Transfer-Encoding: Chunked').body).toEqual({ kind: 'chunked' });
  expect(parse('/').body).toEqual({ kind: 'none' });
});

test('HTTP/1.1 stays open unless told to close, HTTP/1.0 the other way round', () => {
  expect(parse('/').keepAlive).toBe(true);
  expect(parse('/', 'Connection: close').keepAlive).toBe(false);
  expect(parseRequestHead('GET / HTTP/1.0').keepAlive).toBe(false);
  expect(parseRequestHead('GET / HTTP/1.0\r\nConnection: Keep-Alive').keepAlive).toBe(true);
});
