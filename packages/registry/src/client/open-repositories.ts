import { EngineError } from '@gantry/base';
import type { Reference } from '@gantry/oci';
import type { Credentials } from './authorizer.ts';
import { Destination } from './destination.ts';
import type { Registries } from './endpoint.ts';
import { endpointsOf } from './endpoints.ts';
import { RegistryHost } from './registry-host.ts';
import { Repository } from './repository.ts';

export type OpenOptions = { readonly credentials: Credentials; readonly registries: Registries };

/**
 * Opens a reference's repository for reading: at everyone that the operator named, and last at the registry itself.
 *
 * @throws invalid for a configuration that cannot be read
 */
export function openRepositories(
  reference: Reference,
  { credentials, registries }: OpenOptions,
): readonly Repository[] {
  const { proxies } = registries;
  return endpointsOf(reference.domain, registries).map(
    (endpoint) => new Repository(new RegistryHost(endpoint, { credentials, proxies }), reference),
  );
}

/** Opens a reference's repository for writing, at the first host that may be pushed to. @throws invalid */
export function openDestination(reference: Reference, { credentials, registries }: OpenOptions): Destination {
  const { proxies } = registries;
  const endpoint = endpointsOf(reference.domain, registries).find(({ capabilities }) => capabilities.includes('push'));
  if (endpoint === undefined) {
    throw new EngineError('denied', `cannot push to "${reference.domain}": its hosts.toml lets nobody be pushed to`);
  }
  return new Destination(new RegistryHost(endpoint, { credentials, proxies }), reference);
}
