import { expect, test } from 'bun:test';
import { noProxies, proxiesOf, proxyFor } from './proxy.ts';

test('the environment names proxies in capitals or not, and capitals win', () => {
  expect(proxiesOf({})).toEqual(noProxies);
  expect(
    proxiesOf({ HTTP_PROXY: 'proxy:3128', http_proxy: 'http://other', https_proxy: 'http://s', NO_PROXY: ' A.b, ,c' }),
  ).toEqual({
    http: 'http://proxy:3128',
    https: 'http://s',
    except: ['a.b', 'c'],
  });
});

test('a proxy serves its scheme, never loopback, and not what is excepted', () => {
  const rows: readonly (readonly [url: string, except: string, isProxied: boolean])[] = [
    ['http://registry.example/', '', true],
    ['https://registry.example/', '', false],
    ['http://localhost:5000/', '', false],
    ['http://127.1.2.3/', '', false],
    ['http://[::1]/', '', false],
    ['http://registry.example/', '*', false],
    ['http://registry.example/', 'example', false],
    ['http://registry.example/', '.example', false],
    ['http://example/', '.example', true],
    ['http://example/', '*.example', true],
    ['http://notexample/', 'example', true],
    ['http://Registry.Example:5000/', 'registry.example:5000', false],
    ['http://registry.example:5001/', 'registry.example:5000', true],
    ['http://registry.example/', 'registry.example:80', false],
    ['http://10.1.2.3/', '10.0.0.0/8', false],
    ['http://11.1.2.3/', '10.0.0.0/8', true],
    ['http://[fd00::1]:5000/', '[fd00::1]:5000', false],
  ];
  for (const [url, except, isProxied] of rows) {
    const proxies = proxiesOf({ HTTP_PROXY: 'http://proxy', NO_PROXY: except });
    expect([url, except, proxyFor(new URL(url), proxies)]).toEqual([
      url,
      except,
      isProxied ? 'http://proxy' : undefined,
    ]);
  }
});
