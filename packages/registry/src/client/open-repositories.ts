import { defaultDomain, type Reference } from '@gantry/oci';
import type { Credentials } from './authorizer.ts';
import { Destination } from './destination.ts';
import { endpointOf, mirrorEndpoint, type Registries } from './endpoint.ts';
import { RegistryHost } from './registry-host.ts';
import { Repository } from './repository.ts';

export type OpenOptions = { readonly credentials: Credentials; readonly registries: Registries };

/**
 * Opens a reference's repository for reading: at each mirror that the operator named, and last at the registry itself.
 *
 * @throws invalid for a configuration that cannot be read
 */
export function openRepositories(
  reference: Reference,
  { credentials, registries }: OpenOptions,
): readonly Repository[] {
  const mirrors = reference.domain === defaultDomain ? registries.mirrors : [];
  const endpoints = [
    ...mirrors.map((mirror) => mirrorEndpoint(mirror, registries)),
    endpointOf(reference.domain, registries),
  ];
  const { proxies } = registries;
  return endpoints.map((endpoint) => new Repository(new RegistryHost(endpoint, { credentials, proxies }), reference));
}

/** Opens a reference's repository for writing, at the registry itself. @throws invalid */
export function openDestination(reference: Reference, { credentials, registries }: OpenOptions): Destination {
  const { proxies } = registries;
  const host = new RegistryHost(endpointOf(reference.domain, registries), { credentials, proxies });
  return new Destination(host, reference);
}
