export { anonymous, type Credentials } from './client/authorizer.ts';
export { endpointOf, isLoopback, mirrorEndpoint } from './client/endpoint.ts';
export { type BlobAsked, type FetchedManifest, Repository, type RepositoryOptions } from './client/repository.ts';
