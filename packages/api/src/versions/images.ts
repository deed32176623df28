import { isJsonObject, type Json, type JsonObject } from '../codec/json.ts';
import { queryFilters } from '../codec/query.ts';
import type { Adapter, WireRequest } from './adapter.ts';
import { eachObject, editMember, without } from './edit.ts';

const emptyConfig: JsonObject = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
};

/** Members of Config that were never part of an image's, but were printed with it until 1.50. */
const strayConfig: JsonObject = {
  Hostname: '',
  Domainname: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Image: '',
};

const withVirtualSize = (image: JsonObject): JsonObject => ({ ...image, VirtualSize: image.Size });

function namelessAsNone(image: JsonObject): JsonObject {
  const isEmpty = (wire: Json | undefined): boolean => !Array.isArray(wire) || wire.length === 0;
  const { RepoTags: tags, RepoDigests: digests } = image;
  if (isEmpty(tags) && isEmpty(digests))
    return { ...image, RepoTags: ['<none>:<none>'], RepoDigests: ['<none>@<none>'] };
  return { ...image, RepoTags: isEmpty(tags) ? null : tags, RepoDigests: isEmpty(digests) ? null : digests };
}

/** The `filter` parameter of old clients is today's `reference` filter. */
function liftFilter(request: WireRequest): WireRequest {
  const { filter, filters, ...query } = request.query;
  if (typeof filter !== 'string' || filter === '') return request;
  const lifted = new Map([...queryFilters.parse(filters, 'filters'), ['reference', [filter]] as const]);
  return { ...request, query: { ...query, filters: queryFilters.print(lifted) } };
}

/** A parameter that a version did not have means nothing to it. */
function withoutQuery(name: string): (request: WireRequest) => WireRequest {
  return (request) => ({ ...request, query: without(request.query, name) });
}

export const imageAdapters: readonly Adapter[] = [
  {
    routes: ['imageList'],
    below: '1.51',
    down: (reply) => eachObject(reply, (image) => ({ ...image, Containers: -1 })),
  },
  {
    routes: ['imageInspect'],
    below: '1.50',
    down: (reply) =>
      eachObject(reply, (image) =>
        editMember(image, 'Config', (config) => (isJsonObject(config) ? { ...strayConfig, ...config } : config)),
      ),
  },
  { routes: ['imageRemove'], below: '1.50', up: withoutQuery('platforms') },
  { routes: ['imageInspect'], below: '1.49', up: withoutQuery('platform') },
  {
    routes: ['imageInspect'],
    below: '1.48',
    up: withoutQuery('manifests'),
    down: (reply) => eachObject(reply, (image) => without(image, 'Descriptor')),
  },
  {
    routes: ['imageList'],
    below: '1.48',
    down: (reply) => eachObject(reply, (image) => without(image, 'Descriptor')),
  },
  { routes: ['imageHistory', 'imageSave', 'imageSaveOne', 'imageLoad'], below: '1.48', up: withoutQuery('platform') },
  { routes: ['imageList'], below: '1.47', up: withoutQuery('manifests') },
  { routes: ['imagePush'], below: '1.46', up: withoutQuery('platform') },
  {
    routes: ['imageInspect'],
    below: '1.45',
    down: (reply) => eachObject(reply, (image) => ({ ...image, ContainerConfig: emptyConfig })),
  },
  { routes: ['imageList', 'imageInspect'], below: '1.44', down: (reply) => eachObject(reply, withVirtualSize) },
  { routes: ['imageList'], below: '1.43', down: (reply) => eachObject(reply, namelessAsNone) },
  { routes: ['imageList'], below: '1.42', up: withoutQuery('shared-size') },
  { routes: ['imageList'], below: '1.41', up: liftFilter },
];
