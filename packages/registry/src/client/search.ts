import { EngineError } from '@gantry/base';
import { defaultDomain, parseFields } from '@gantry/oci';
import type { Credentials } from './authorizer.ts';
import { endpointOf, type Registries } from './endpoint.ts';
import { RegistryHost } from './registry-host.ts';
import { readBody } from './transport.ts';

export type SearchResult = {
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly isOfficial: boolean;
};

const maximumAnswerBytes = 4 * 2 ** 20;

/**
 * Asks a registry for repositories whose name holds a term: `redis` asks Docker Hub, `host:5000/redis` that host.
 *
 * Spec: none is published; version 1 of the registry API, which Docker Hub and its imitators still serve.
 * @throws unavailable, denied, invalid
 */
export async function searchRegistry(
  { term, limit }: { readonly term: string; readonly limit: number },
  { credentials, registries }: { credentials: Credentials; registries: Registries },
  signal: AbortSignal,
): Promise<readonly SearchResult[]> {
  const { domain, words } = splitTerm(term);
  const own = endpointOf(domain, registries);
  const endpoint = { ...own, host: domain === defaultDomain ? 'index.docker.io' : own.host, basePath: '/v1' };
  const host = new RegistryHost(endpoint, { credentials, proxies: registries.proxies });
  const query = new URLSearchParams({ q: words, n: String(limit) });
  const response = await host.send({ target: `search?${query}`, scope: '' }, signal);
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new EngineError('unavailable', `Unexpected status code ${response.status}`, {
      hint: 'most registries but Docker Hub cannot be searched',
    });
  }
  const body = new TextDecoder().decode(await readBody(response, maximumAnswerBytes, 'search results'));
  return parseFields(body, 'search results')
    .objects('results')
    .map((result) => ({
      name: result.text('name'),
      description: result.text('description'),
      stars: result.integer('star_count'),
      isOfficial: result.flag('is_official'),
    }));
}

function splitTerm(term: string): { domain: string; words: string } {
  if (term.includes('://')) {
    throw new EngineError('invalid', `invalid repository name: repository name (${term}) should not have a scheme`);
  }
  const [first = '', ...rest] = term.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const domain = !isHost || /^(index\.)?docker\.io$/.test(first) ? defaultDomain : first;
  const words = isHost ? rest.join('/') : term;
  return { domain, words: domain === defaultDomain ? words.replace(/^library\//, '') : words };
}
