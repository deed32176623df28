import { document, none, object } from '../codec/codec.ts';
import type { DebugVarsWire } from '../wire/debug.ts';
import { route } from './route.ts';

/** Prometheus' text. Docker serves it on `--metrics-addr` alone; here it is on every door. */
const metrics = route({
  method: 'GET',
  path: '/metrics',
  since: '1.24',
  shape: 'bytes',
  query: object({}),
  body: none,
  reply: none,
});

/** With `--debug`: what the daemon is doing. Docker's path; the document is Gantry's own. */
const debugVars = route({
  method: 'GET',
  path: '/debug/vars',
  since: '1.24',
  shape: 'json',
  query: object({}),
  body: none,
  reply: document<DebugVarsWire>(),
  failures: { 404: 'the daemon runs without --debug' },
});

/** With `--debug`: every object of the daemon, as a heap snapshot that Chromium's developer tools open. */
const debugHeap = route({
  method: 'GET',
  path: '/debug/pprof/heap',
  since: '1.24',
  shape: 'bytes',
  query: object({}),
  body: none,
  reply: none,
  failures: { 404: 'the daemon runs without --debug' },
});

export const watchingRoutes = { metrics, debugVars, debugHeap };
