import { EngineError } from '@gantry/base';
import type { Credentials } from './authorizer.ts';
import { endpointOf, type Registries } from './endpoint.ts';
import { endpointsOf } from './endpoints.ts';
import { formatFailure } from './failure.ts';
import { RegistryHost } from './registry-host.ts';
import { failureOf } from './transport.ts';

/**
 * Shows credentials to a registry.
 *
 * @returns a token that stands for name and password from now on; undefined when the registry gives none
 * @throws denied when the registry does not want them, unavailable
 */
export async function logIn(
  domain: string,
  { credentials, registries }: { credentials: Credentials; registries: Registries },
  signal: AbortSignal,
): Promise<string | undefined> {
  const endpoint = endpointsOf(domain, registries).find(({ isOwn }) => isOwn) ?? endpointOf(domain, registries);
  const host = new RegistryHost(endpoint, { credentials, proxies: registries.proxies });
  const response = await host.send({ target: '', scope: '' }, signal);
  if (response.status !== 200) {
    const { url, status } = response;
    const failure = await failureOf(response);
    const why =
      status === 401
        ? `login attempt to ${url} failed with status: 401 Unauthorized`
        : `Get "${url}": ${formatFailure(failure)}`;
    throw new EngineError(status === 401 || status === 403 ? 'denied' : 'unavailable', why);
  }
  await response.body?.cancel();
  return host.identityToken;
}
