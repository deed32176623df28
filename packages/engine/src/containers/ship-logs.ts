import { hostname } from 'node:os';
import { formatTag, pickAttributes, type ShipSource } from '../logs/index.ts';
import type { ContainerDeps } from './deps.ts';
import { containerPaths } from './paths.ts';
import type { ContainerRecord } from './types.ts';

/** What Docker calls a container in a message when nobody says how. */
const defaultTag = '{{.ID}}';

/** Has the lines of a container sent to where its driver says, until its process has ended and all are sent. */
export function beginShipping(
  deps: Pick<ContainerDeps, 'shipping' | 'dataRoot'>,
  container: ContainerRecord,
  ended: Promise<unknown>,
): void {
  const { id } = container;
  const { logConfig } = container.hostConfig;
  deps.shipping.begin(
    { id, path: containerPaths(deps.dataRoot, id).log, config: logConfig, origin: originOf(container) },
    ended,
  );
}

function originOf(container: ContainerRecord): ShipSource['origin'] {
  const { id, name, imageId, config, hostConfig, command, createdAt } = container;
  const options = hostConfig.logConfig.config;
  const facts = { id, name, imageId, imageName: config.image, attributes: pickAttributes(config, options) };
  return {
    ...facts,
    command: command.join(' '),
    createdAt,
    hostname: hostname(),
    pid: process.pid,
    tag: formatTag(options.tag || defaultTag, facts),
  };
}

/** What `logs --details` shows before each line: labels, variables and the tag that the options name. */
export function logDetails({
  id,
  name,
  imageId,
  config,
  hostConfig,
}: ContainerRecord): Readonly<Record<string, string>> {
  const { type, config: options } = hostConfig.logConfig;
  // As Docker has it: only these lines carry them.
  if (type !== 'json-file') return {};
  const attributes = pickAttributes(config, options);
  const tag = formatTag(options.tag ?? '', { id, name, imageId, imageName: config.image, attributes });
  return tag === '' ? attributes : { ...attributes, tag };
}
