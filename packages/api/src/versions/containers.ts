import { isJsonObject, type Json, type JsonObject } from '../codec/json.ts';
import type { Adapter, WireRequest } from './adapter.ts';
import { eachObject, editMember, withDefault, without } from './edit.ts';

function editBody(request: WireRequest, change: (body: JsonObject) => JsonObject): WireRequest {
  return isJsonObject(request.body) ? { ...request, body: change(request.body) } : request;
}

function editHostConfig(change: (host: JsonObject) => JsonObject): (request: WireRequest) => WireRequest {
  return (request) =>
    editBody(request, (body) => {
      const named = Object.keys(body).some((key) => key.toLowerCase() === 'hostconfig' && body[key] !== null);
      const full = named ? body : { ...without(body, 'HostConfig'), HostConfig: {} };
      return editMember(full, 'HostConfig', (host) => (isJsonObject(host) ? change(host) : host));
    });
}

function editMounts(change: (mount: JsonObject) => JsonObject): (request: WireRequest) => WireRequest {
  return editHostConfig((host) => editMember(host, 'Mounts', (mounts) => eachObject(mounts, change)));
}

const editOptions = (options: string, ...gone: string[]): ((request: WireRequest) => WireRequest) =>
  editMounts((mount) => editMember(mount, options, (wire) => (isJsonObject(wire) ? without(wire, ...gone) : wire)));

/** Docker's own networks carry no aliases; every other network answers to the short ID. */
function isUserDefined(network: string): boolean {
  return !['bridge', 'host', 'none', 'default'].includes(network) && !network.startsWith('container:');
}

function aliasShortId(container: JsonObject): JsonObject {
  const id = typeof container.Id === 'string' ? container.Id.slice(0, 12) : '';
  const addAlias = (endpoint: Json): Json => {
    if (!isJsonObject(endpoint) || endpoint.EndpointID === '') return endpoint;
    const aliases = Array.isArray(endpoint.Aliases) ? endpoint.Aliases : [];
    return aliases.includes(id) ? endpoint : { ...endpoint, Aliases: [...aliases, id] };
  };
  const addAll = (networks: Json): Json => {
    if (!isJsonObject(networks)) return networks;
    return Object.fromEntries(
      Object.entries(networks).map(([name, endpoint]) => [
        name,
        isUserDefined(name) && endpoint !== undefined ? addAlias(endpoint) : endpoint,
      ]),
    );
  };
  return editMember(container, 'NetworkSettings', (settings) =>
    isJsonObject(settings) ? editMember(settings, 'Networks', addAll) : settings,
  );
}

/** Members that a version did not have are taken out of its requests, so that no old client changes by accident. */
export const containerAdapters: readonly Adapter[] = [
  {
    routes: ['containerInspect', 'containerList'],
    below: '1.48',
    down: (reply) => eachObject(reply, (container) => without(container, 'ImageManifestDescriptor')),
  },
  { routes: ['containerCreate'], below: '1.46', up: editOptions('TmpfsOptions', 'Options') },
  { routes: ['containerInspect'], below: '1.45', down: (reply) => eachObject(reply, aliasShortId) },
  {
    routes: ['containerCreate'],
    below: '1.44',
    up: (request) =>
      editOptions(
        'BindOptions',
        'ReadOnlyNonRecursive',
        'ReadOnlyForceRecursive',
      )(
        editBody(request, (body) =>
          editMember(body, 'Healthcheck', (health) =>
            isJsonObject(health) ? without(health, 'StartInterval') : health,
          ),
        ),
      ),
  },
  { routes: ['containerCreate'], below: '1.43', up: editHostConfig((host) => without(host, 'Annotations')) },
  {
    routes: ['containerCreate'],
    below: '1.42',
    up: (request) =>
      editOptions('BindOptions', 'CreateMountpoint')(editHostConfig((host) => without(host, 'ConsoleSize'))(request)),
  },
  {
    routes: ['execCreate', 'execStart'],
    below: '1.42',
    up: (request) => editBody(request, (body) => without(body, 'ConsoleSize')),
  },
  {
    routes: ['containerCreate'],
    below: '1.41',
    up: (request) => ({ ...request, query: without(request.query, 'platform') }),
  },
  {
    routes: ['containerCreate'],
    below: '1.41',
    up: editHostConfig((host) => withDefault(host, 'CgroupnsMode', 'host')),
  },
  {
    routes: ['containerCreate'],
    below: '1.40',
    up: (request) =>
      editOptions(
        'BindOptions',
        'NonRecursive',
      )(editHostConfig((host) => withDefault(without(host, 'DeviceRequests'), 'IpcMode', 'shareable'))(request)),
  },
  {
    routes: ['containerUpdate'],
    below: '1.40',
    up: (request) => editBody(request, (body) => without(body, 'PidsLimit')),
  },
];
