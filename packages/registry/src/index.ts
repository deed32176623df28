export { anonymous, type Credentials } from './client/authorizer.ts';
export { endpointOf, isLoopback } from './client/endpoint.ts';
export { type BlobAsked, type FetchedManifest, Repository, type RepositoryOptions } from './client/repository.ts';
