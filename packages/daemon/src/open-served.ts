import { type Engine, openEngine } from '@gantry/engine';
import { collectImagesWhenQuiet } from './collect-images.ts';
import type { Settings } from './config/reload.ts';
import { daemonFacts, engineOptions } from './engine-options.ts';
import { openHandlers } from './handlers/handlers.ts';
import type { Handlers } from './http/call.ts';
import type { Log } from './log.ts';
import type { Requests } from './metrics/requests.ts';
import { lockDataRoot, writePidfile } from './own-root.ts';
import { rehearseStarts } from './rehearse.ts';
import type { Succession } from './takeover/succession.ts';

/** An engine with the roots that are its own, and who answers for it. */
export type Served = AsyncDisposable & {
  readonly engine: Engine;
  readonly handlers: Handlers;
  /** Called at each request. */
  readonly touch: () => void;
};

export type ServedDeps = {
  readonly settings: Settings;
  readonly log: Log;
  readonly requests: Requests;
  readonly succession: Succession;
};

/** Takes the roots and opens the engine over them. @throws conflict when another daemon has them */
export async function openServed({ settings, log, requests, succession }: ServedDeps): Promise<Served> {
  const { dataRoot, pidfile, imagePolicy } = settings.config;
  await using life = new AsyncDisposableStack();
  life.use(lockDataRoot(dataRoot));
  life.use(writePidfile(pidfile));
  const before = performance.now();
  const engine = life.use(await openEngine(engineOptions(settings, log)));
  log.debug('engine opened', { ms: Math.round(performance.now() - before) });
  const handlers = openHandlers(engine, { facts: daemonFacts(settings), requests, succession });
  const rehearsal = life.use(rehearseStarts(engine));
  const collection = imagePolicy === undefined ? undefined : life.use(collectImagesWhenQuiet(engine, log));
  const kept = life.move();
  return {
    engine,
    handlers,
    touch: () => {
      rehearsal.touch();
      collection?.touch();
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
