import { containsAddress, isLoopback } from './endpoint.ts';

/** Proxies for requests to registries; '' is none. */
export type Proxies = {
  /** For `http:` URLs. */
  readonly http: string;
  /** For `https:` URLs. */
  readonly https: string;
  /** Hosts, domains and networks that are reached without. */
  readonly except: readonly string[];
};

export const noProxies: Proxies = { http: '', https: '', except: [] };

/** Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in capitals or not, as Go programs do. */
export function proxiesOf(environment: Readonly<Record<string, string | undefined>>): Proxies {
  const either = (name: string): string => environment[name] || environment[name.toLowerCase()] || '';
  return {
    http: withScheme(either('HTTP_PROXY')),
    https: withScheme(either('HTTPS_PROXY')),
    except: either('NO_PROXY')
      .split(',')
      .map((entry) => entry.trim().toLowerCase())
      .filter((entry) => entry !== ''),
  };
}

function withScheme(proxy: string): string {
  return proxy === '' || /^[a-z0-9]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

/**
 * Chooses the proxy of a request; undefined: it goes straight.
 *
 * `example.com` in the exceptions means the domain and what is below it, `.example.com` only what is below, `*`
 * everything; a port makes it that port alone. Loopback never goes through a proxy.
 */
export function proxyFor(url: URL, proxies: Proxies): string | undefined {
  const proxy = url.protocol === 'https:' ? proxies.https : proxies.http;
  const name = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (proxy === '' || isLoopback(name)) return undefined;
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return proxies.except.some((entry) => isException(entry, name, port)) ? undefined : proxy;
}

function isException(entry: string, name: string, port: string): boolean {
  if (entry === '*' || containsAddress(entry, name)) return true;
  const [, host = entry, only] = /^(.*[^:\]]|\[.*\]):(\d+)$/.exec(entry) ?? [];
  if (only !== undefined && only !== port) return false;
  const wanted = host.replace(/^\[|\]$/g, '').replace(/^\*\./, '.');
  return wanted.startsWith('.') ? name.endsWith(wanted) : name === wanted || name.endsWith(`.${wanted}`);
}
