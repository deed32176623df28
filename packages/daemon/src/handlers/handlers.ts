import type { Engine } from '@gantry/engine';
import type { Handlers } from '../http/call.ts';
import type { Requests } from '../metrics/requests.ts';
import type { DaemonFacts } from '../print/system.ts';
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

/** A handler for every route: parse is done, each calls the engine once, and prints. */
export function openHandlers(engine: Engine, facts: () => DaemonFacts, requests: Requests): Handlers {
  return {
    ...systemHandlers(engine, facts),
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
