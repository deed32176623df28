import { EngineError, formatId, isEngineError, shortId } from '@gantry/base';
import { choosePlatform, formatPlatform, type Platform, parsePlatform } from '@gantry/oci';
import { hostPlatform } from '../images/index.ts';
import type { ImageRecord } from '../images/types.ts';
import { checkLogService, settleLogConfig } from '../logs/index.ts';
import { emptyEndpointConfig } from '../network/index.ts';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { commandOf, mergeConfig } from './merge-config.ts';
import { resolveMounts } from './mounts.ts';
import { parseContainerName } from './names.ts';
import { pinSharedModes, settleCreate } from './settle-create.ts';
import type { ContainerConfig, ContainerRecord, CreateRequest, HostConfig } from './types.ts';

/**
 * Creates a container: a row, its mounts and its attachments to networks, in one transaction. Nothing runs and nothing
 * is mounted yet; a request that is refused leaves nothing.
 *
 * @throws not-found with Docker's text when the image is not here; conflict when the name is taken; invalid
 */
export function createContainer(
  deps: ContainerDeps,
  request: CreateRequest,
): { readonly id: string; readonly warnings: readonly string[] } {
  const asked = request.name === '' ? undefined : parseContainerName(request.name);
  const settled = settleCreate(request, deps.limits);
  const logConfig = settleLogConfig(settled.value.logConfig, deps.defaults.logConfig);
  checkLogService(logConfig);
  const image = imageFor(deps, request);
  const misfit = request.platform === '' ? misfitOf(image, deps.limits.platform) : [];
  const config = mergeConfig(request.config, image.config);
  const id = formatId(deps.random(32));
  const hostConfig = pinSharedModes(withDefaults(deps, { ...settled.value, logConfig }), (ref) =>
    sharedContainer(deps, ref),
  );

  checkLinks(deps, hostConfig);

  deps.db.tx(() => {
    const name = asked ?? deps.store.freeName(() => fraction(deps.random(4)));
    const record: ContainerRecord = {
      id,
      name,
      createdAt: deps.now(),
      imageId: image.id,
      chainId: image.chainId,
      platform: image.os,
      config: { ...config, hostname: hostnameOf(deps, { id, config, hostConfig }) },
      hostConfig,
      mountPoints: resolveMounts(deps, { containerId: id, config, hostConfig }),
      command: commandOf(config),
      status: { kind: 'created' },
      restartCount: 0,
      stoppedByUser: false,
    };
    deps.store.insert(record);
    deps.images.markUsed(image.id);
    deps.snapshots.reserve(id, image.chainId);
    attachNetworks(deps, record, withLinks(request));
    deps.events.record('container', 'create', id, containerEvent(record));
  });
  return { id, warnings: [...settled.warnings, ...misfit] };
}

function imageFor({ images }: ContainerDeps, { config, platform }: CreateRequest): ImageRecord {
  if (config.image === '') throw new EngineError('invalid', 'no image specified');
  return images.get(config.image, platform === '' ? undefined : parsePlatform(platform, hostPlatform()));
}

/** Docker's warning about an image that this machine may not run. */
function misfitOf(image: ImageRecord, host: Platform): readonly string[] {
  if (image.architecture === '' || choosePlatform([{ platform: image }], host) !== undefined) return [];
  const [shown, here] = [formatPlatform(image), formatPlatform(host)];
  return [
    `The requested image's platform (${shown}) does not match the detected host platform (${here}) and no specific platform was requested`,
  ];
}

function withDefaults({ defaults }: ContainerDeps, hostConfig: HostConfig): HostConfig {
  const own = new Set(hostConfig.ulimits.map(({ name }) => name));
  return {
    ...hostConfig,
    ulimits: [...hostConfig.ulimits, ...defaults.ulimits.filter(({ name }) => !own.has(name))],
    init: hostConfig.init ?? (defaults.init || undefined),
  };
}

/** Like a network that is missing: only a missing image may answer "not found", or clients would go and pull. */
function sharedContainer(deps: ContainerDeps, ref: string): string {
  try {
    return deps.store.resolve(ref).id;
  } catch (cause) {
    if (!isEngineError(cause, 'not-found')) throw cause;
    throw new EngineError('invalid', cause.message, { cause });
  }
}

/** A network that is missing must not read like an image that is missing, or clients would go and pull. */
function attachNetworks(
  deps: ContainerDeps,
  { id, name, hostConfig }: ContainerRecord,
  endpoints: CreateRequest['endpoints'],
): void {
  try {
    deps.networks.attach({ id, name, networkMode: hostConfig.networkMode }, endpoints);
  } catch (cause) {
    if (!isEngineError(cause, 'not-found')) throw cause;
    throw new EngineError('invalid', `failed to set up container networking: ${cause.message}`, { cause });
  }
}

/** On the default bridge a link is to a container that is there; elsewhere a name may come to life later. */
function checkLinks(deps: ContainerDeps, { links, networkMode }: HostConfig): void {
  if (networkMode !== 'bridge') return;
  for (const link of links) {
    const [name = ''] = link.split(':');
    try {
      deps.store.resolve(name.replace(/^\//, ''));
    } catch (cause) {
      if (!isEngineError(cause, 'not-found')) throw cause;
      throw new EngineError('invalid', `could not get container for ${name}: ${cause.message}`, { cause });
    }
  }
}

/** `--link` is an old word for an alias on the container's own network. */
function withLinks({ endpoints, hostConfig }: CreateRequest): CreateRequest['endpoints'] {
  if (hostConfig.links.length === 0) return endpoints;
  const network = hostConfig.networkMode;
  const own = endpoints[network] ?? emptyEndpointConfig;
  return { ...endpoints, [network]: { ...own, links: [...own.links, ...hostConfig.links] } };
}

/** The short ID, unless it was given or the container shares somebody else's name. */
function hostnameOf(
  deps: ContainerDeps,
  { id, config, hostConfig }: { id: string; config: ContainerConfig; hostConfig: HostConfig },
): string {
  if (config.hostname !== '') return config.hostname;
  if (hostConfig.networkMode.startsWith('container:'))
    return deps.store.get(hostConfig.networkMode.slice('container:'.length)).config.hostname;
  if (hostConfig.utsMode === 'host' || hostConfig.networkMode === 'host') return deps.limits.hostname;
  return shortId(id);
}

/** 32 random bits as a number from 0 up to 1. */
function fraction(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32;
}
