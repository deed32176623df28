export { anonymous, type Credentials } from './client/authorizer.ts';
export { type BlobToSend, Destination } from './client/destination.ts';
export { type Registries, usualConfigDirs } from './client/endpoint.ts';
export { logIn } from './client/log-in.ts';
export { openDestination, openRepositories } from './client/open-repositories.ts';
export { noProxies, type Proxies, proxiesOf } from './client/proxy.ts';
export { type BlobAsked, type FetchedManifest, Repository } from './client/repository.ts';
export { type SearchResult, searchRegistry } from './client/search.ts';
