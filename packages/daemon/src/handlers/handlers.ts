import type { Engine } from '@gantry/engine';
import type { Handlers } from '../http/call.ts';
import type { Requests } from '../metrics/requests.ts';
import type { DaemonFacts } from '../print/system.ts';
import type { Succession } from '../takeover/succession.ts';
import { containerArchiveHandlers } from './container-archives.ts';
import { containerStreamHandlers } from './container-streams.ts';
import { containerHandlers } from './containers.ts';
import { execHandlers } from './exec.ts';
import { imageArchiveHandlers } from './image-archives.ts';
import { imageHandlers } from './images.ts';
import { networkHandlers } from './networks.ts';
import { registryHandlers } from './registry.ts';
import { systemHandlers } from './system.ts';
import { volumeHandlers } from './volumes.ts';
import { watchingHandlers } from './watching.ts';

export type HandlerDeps = {
  readonly facts: () => DaemonFacts;
  readonly requests: Requests;
  readonly succession: Succession;
};

/** A handler for every route: parse is done, each calls the engine once, and prints. */
export function openHandlers(engine: Engine, { facts, requests, succession }: HandlerDeps): Handlers {
  return {
    ...systemHandlers(engine, facts, succession),
    ...containerHandlers(engine),
    ...containerArchiveHandlers(engine),
    ...containerStreamHandlers(engine),
    ...execHandlers(engine),
    ...imageHandlers(engine),
    ...imageArchiveHandlers(engine),
    ...registryHandlers(engine),
    ...networkHandlers(engine),
    ...volumeHandlers(engine),
    ...watchingHandlers(engine, facts, requests),
  };
}
