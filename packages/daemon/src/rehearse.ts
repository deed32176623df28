import { adaptRequest, maxApiVersion, parseJson, routes } from '@gantry/api';
import type { Engine } from '@gantry/engine';
import { createRequest } from './handlers/containers.ts';
import { parseRequestHead } from './http/request-head.ts';

/** After so many the code of a start is compiled: deciding one takes a quarter of what it took at first. */
const rounds = 120;
const pauseMs = 2;
/** Whoever asks for something comes first: nothing is rehearsed until nobody has for so long. */
const quietMs = 1000;

const head =
  'POST /containers/create HTTP/1.1\r\nHost: rehearsal\r\nContent-Type: application/json\r\nContent-Length: 1';
const body = JSON.stringify({ Image: 'rehearsal', Cmd: ['true'], HostConfig: { NetworkMode: 'none' } });

/**
 * Rehearses the start of a container in the first quiet moment of a daemon.
 *
 * @returns what is called at each request; disposing ends it early
 */
export function rehearseStarts(engine: Engine): Disposable & { readonly touch: () => void } {
  let left = rounds;
  const next = (afterMs: number): NodeJS.Timeout => setTimeout(rehearseOne, afterMs).unref();
  const rehearseOne = (): void => {
    parseRequestHead(head);
    const { query, body: raw } = routes.containerCreate;
    const lifted = adaptRequest('containerCreate', maxApiVersion, { query: {}, body: parseJson(body) });
    engine.containers.rehearse(
      createRequest({ query: query.parse(lifted.query, ''), body: raw.parse(lifted.body, '') }),
    );
    left--;
    if (left > 0) timer = next(pauseMs);
  };
  let timer = next(quietMs);
  return {
    touch: () => {
      if (left === 0) return;
      clearTimeout(timer);
      timer = next(quietMs);
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
