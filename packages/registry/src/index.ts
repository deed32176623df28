export { anonymous, type Credentials } from './client/authorizer.ts';
export { endpointOf, isLoopback, mirrorEndpoint } from './client/endpoint.ts';
export { type BlobAsked, type FetchedManifest, Repository, type RepositoryOptions } from './client/repository.ts';
export { runRegistryCommand } from './command/index.ts';
export { type Grants, parseGrants } from './server/auth/grants.ts';
export type { Collected, CollectOptions } from './server/collect-garbage.ts';
export { type LoggedRequest, openRegistry, type Registry, type RegistryOptions } from './server/open-registry.ts';
