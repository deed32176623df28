import { array, bool, document, field, int, none, object, optional } from '../codec/codec.ts';
import { queryDimension } from '../codec/query.ts';
import { execConfig } from '../nouns/exec.ts';
import type { ExecCreatedWire, ExecInspectWire } from '../wire/container.ts';
import { route } from './route.ts';

const noSuch = { 404: 'no such exec instance' };

const execCreate = route({
  method: 'POST',
  path: '/containers/{id}/exec',
  since: '1.24',
  shape: 'json',
  status: 201,
  query: object({}),
  body: execConfig,
  reply: document<ExecCreatedWire>(),
  failures: { 404: 'no such container', 409: 'not running or paused' },
});

const execStart = route({
  method: 'POST',
  path: '/exec/{id}/start',
  since: '1.24',
  shape: 'upgrade',
  query: object({}),
  body: object({
    detach: field('Detach', bool),
    tty: field('Tty', bool),
    consoleSize: field('ConsoleSize', optional(array(int)), 'omit'),
  }),
  reply: none,
  failures: { ...noSuch, 409: 'container stopped or paused' },
});

const execResize = route({
  method: 'POST',
  path: '/exec/{id}/resize',
  since: '1.24',
  shape: 'empty',
  status: 200,
  query: object({ rows: field('h', queryDimension('height')), columns: field('w', queryDimension('width')) }),
  body: none,
  reply: none,
  failures: noSuch,
});

const execInspect = route({
  method: 'GET',
  path: '/exec/{id}/json',
  since: '1.24',
  shape: 'json',
  query: object({}),
  body: none,
  reply: document<ExecInspectWire>(),
  failures: noSuch,
});

export const execRoutes = { execCreate, execStart, execResize, execInspect };
