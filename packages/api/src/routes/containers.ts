import { document, field, none, object, optional } from '../codec/codec.ts';
import {
  queryDimension,
  queryFilters,
  queryInt,
  queryList,
  queryMoment,
  querySwitch,
  querySwitchOn,
  queryText,
} from '../codec/query.ts';
import { containerConfig } from '../nouns/container-config.ts';
import { createBody } from '../nouns/create-request.ts';
import { updateBody } from '../nouns/update.ts';
import type {
  ContainerChangeWire,
  ContainerCommittedWire,
  ContainerCreatedWire,
  ContainerInspectWire,
  ContainerSummaryWire,
  ContainersPrunedWire,
  ContainerTopWire,
  ContainerUpdatedWire,
  ContainerWaitWire,
} from '../wire/container.ts';
import type { StatsWire } from '../wire/stats.ts';
import { route, stream } from './route.ts';

const noSuch = { 404: 'no such container' };
const noQuery = object({});

const containerList = route({
  method: 'GET',
  path: '/containers/json',
  since: '1.24',
  shape: 'json',
  query: object({
    all: field('all', querySwitch, 'omit'),
    limit: field('limit', queryInt, 'omit'),
    size: field('size', querySwitch, 'omit'),
    filters: field('filters', queryFilters, 'omit'),
  }),
  body: none,
  reply: document<readonly ContainerSummaryWire[]>(),
  failures: { 400: 'bad parameter' },
});

const containerCreate = route({
  method: 'POST',
  path: '/containers/create',
  since: '1.24',
  shape: 'json',
  status: 201,
  query: object({ name: field('name', queryText, 'omit'), platform: field('platform', queryText, 'omit') }),
  body: createBody,
  reply: document<ContainerCreatedWire>(),
  failures: { 400: 'bad parameter', 404: 'no such image', 409: 'conflict' },
});

const containerInspect = route({
  method: 'GET',
  path: '/containers/{id}/json',
  since: '1.24',
  shape: 'json',
  query: object({ size: field('size', querySwitch, 'omit') }),
  body: none,
  reply: document<ContainerInspectWire>(),
  failures: noSuch,
});

const containerTop = route({
  method: 'GET',
  path: '/containers/{id}/top',
  since: '1.24',
  shape: 'json',
  query: object({ psArguments: field('ps_args', queryText, 'omit') }),
  body: none,
  reply: document<ContainerTopWire>(),
  failures: { ...noSuch, 409: 'not running' },
});

const containerLogs = route({
  method: 'GET',
  path: '/containers/{id}/logs',
  since: '1.24',
  shape: 'bytes',
  query: object({
    follow: field('follow', querySwitch, 'omit'),
    stdout: field('stdout', querySwitch, 'omit'),
    stderr: field('stderr', querySwitch, 'omit'),
    sinceNanos: field('since', queryMoment, 'omit'),
    untilNanos: field('until', queryMoment, 'omit'),
    timestamps: field('timestamps', querySwitch, 'omit'),
    details: field('details', querySwitch, 'omit'),
    tail: field('tail', queryText, 'omit'),
  }),
  body: none,
  reply: none,
  failures: { ...noSuch, 400: 'no stream chosen' },
});

const containerStats = route({
  method: 'GET',
  path: '/containers/{id}/stats',
  since: '1.24',
  shape: 'lines',
  query: object({ stream: field('stream', querySwitchOn), oneShot: field('one-shot', querySwitch, 'omit') }),
  body: none,
  reply: document<StatsWire>(),
  failures: noSuch,
});

const containerResize = route({
  method: 'POST',
  path: '/containers/{id}/resize',
  since: '1.24',
  shape: 'empty',
  status: 200,
  query: object({ rows: field('h', queryDimension('height')), columns: field('w', queryDimension('width')) }),
  body: none,
  reply: none,
  failures: { ...noSuch, 409: 'not running' },
});

const containerStart = route({
  method: 'POST',
  path: '/containers/{id}/start',
  since: '1.24',
  shape: 'empty',
  query: object({
    detachKeys: field('detachKeys', queryText, 'omit'),
    checkpoint: field('checkpoint', queryText, 'omit'),
    checkpointDir: field('checkpoint-dir', queryText, 'omit'),
  }),
  body: none,
  reply: none,
  failures: { ...noSuch, 304: 'already started' },
});

const stopQuery = object({ signal: field('signal', queryText, 'omit'), timeoutSeconds: field('t', queryInt, 'omit') });

const containerStop = route({
  method: 'POST',
  path: '/containers/{id}/stop',
  since: '1.24',
  shape: 'empty',
  query: stopQuery,
  body: none,
  reply: none,
  failures: { ...noSuch, 304: 'already stopped' },
});

const containerRestart = route({
  method: 'POST',
  path: '/containers/{id}/restart',
  since: '1.24',
  shape: 'empty',
  query: stopQuery,
  body: none,
  reply: none,
  failures: noSuch,
});

const containerKill = route({
  method: 'POST',
  path: '/containers/{id}/kill',
  since: '1.24',
  shape: 'empty',
  query: object({ signal: field('signal', queryText, 'omit') }),
  body: none,
  reply: none,
  failures: { ...noSuch, 409: 'not running' },
});

const containerUpdate = route({
  method: 'POST',
  path: '/containers/{id}/update',
  since: '1.24',
  shape: 'json',
  query: noQuery,
  body: updateBody,
  reply: document<ContainerUpdatedWire>(),
  failures: noSuch,
});

const containerRename = route({
  method: 'POST',
  path: '/containers/{id}/rename',
  since: '1.24',
  shape: 'empty',
  query: object({ name: field('name', queryText) }),
  body: none,
  reply: none,
  failures: { ...noSuch, 409: 'name already in use' },
});

const containerPause = route({
  method: 'POST',
  path: '/containers/{id}/pause',
  since: '1.24',
  shape: 'empty',
  query: noQuery,
  body: none,
  reply: none,
  failures: noSuch,
});

const containerUnpause = route({
  method: 'POST',
  path: '/containers/{id}/unpause',
  since: '1.24',
  shape: 'empty',
  query: noQuery,
  body: none,
  reply: none,
  failures: noSuch,
});

const attachQuery = object({
  detachKeys: field('detachKeys', queryText, 'omit'),
  logs: field('logs', querySwitch, 'omit'),
  stream: field('stream', querySwitch, 'omit'),
  stdin: field('stdin', querySwitch, 'omit'),
  stdout: field('stdout', querySwitch, 'omit'),
  stderr: field('stderr', querySwitch, 'omit'),
});

const containerAttach = route({
  method: 'POST',
  path: '/containers/{id}/attach',
  since: '1.24',
  shape: 'upgrade',
  query: attachQuery,
  body: none,
  reply: none,
  failures: { ...noSuch, 409: 'paused' },
});

const containerWait = route({
  method: 'POST',
  path: '/containers/{id}/wait',
  since: '1.24',
  shape: 'lines',
  query: object({ condition: field('condition', queryText, 'omit') }),
  body: none,
  reply: document<ContainerWaitWire>(),
  failures: { ...noSuch, 400: 'bad parameter' },
});

const containerRemove = route({
  method: 'DELETE',
  path: '/containers/{id}',
  since: '1.24',
  shape: 'empty',
  query: object({
    volumes: field('v', querySwitch, 'omit'),
    force: field('force', querySwitch, 'omit'),
    link: field('link', querySwitch, 'omit'),
  }),
  body: none,
  reply: none,
  failures: { ...noSuch, 409: 'running' },
});

const containerPrune = route({
  method: 'POST',
  path: '/containers/prune',
  since: '1.25',
  shape: 'json',
  query: object({ filters: field('filters', queryFilters, 'omit') }),
  body: none,
  reply: document<ContainersPrunedWire>(),
});

const containerChanges = route({
  method: 'GET',
  path: '/containers/{id}/changes',
  since: '1.24',
  shape: 'json',
  query: noQuery,
  body: none,
  reply: document<readonly ContainerChangeWire[] | null>(),
  failures: noSuch,
});

const containerExport = route({
  method: 'GET',
  path: '/containers/{id}/export',
  since: '1.24',
  shape: 'bytes',
  query: noQuery,
  body: none,
  reply: none,
  failures: noSuch,
});

const archivePath = object({ path: field('path', queryText) });
const noSuchPath = { 400: 'bad parameter', 404: 'no such container or path' };

/** The answer is a header, `X-Docker-Container-Path-Stat`: base64 of JSON. */
const containerArchiveStat = route({
  method: 'HEAD',
  path: '/containers/{id}/archive',
  since: '1.24',
  shape: 'bytes',
  query: archivePath,
  body: none,
  reply: none,
  failures: noSuchPath,
});

const containerArchiveRead = route({
  method: 'GET',
  path: '/containers/{id}/archive',
  since: '1.24',
  shape: 'bytes',
  query: archivePath,
  body: none,
  reply: none,
  failures: noSuchPath,
});

const containerArchiveWrite = route({
  method: 'PUT',
  path: '/containers/{id}/archive',
  since: '1.24',
  shape: 'empty',
  status: 200,
  query: object({
    path: field('path', queryText),
    noOverwriteDirNonDir: field('noOverwriteDirNonDir', querySwitch, 'omit'),
    copyUidGid: field('copyUIDGID', querySwitch, 'omit'),
  }),
  body: stream,
  reply: none,
  failures: noSuchPath,
});

const containerCommit = route({
  method: 'POST',
  path: '/commit',
  since: '1.24',
  shape: 'json',
  status: 201,
  query: object({
    container: field('container', queryText),
    repo: field('repo', queryText, 'omit'),
    tag: field('tag', queryText, 'omit'),
    author: field('author', queryText, 'omit'),
    comment: field('comment', queryText, 'omit'),
    changes: field('changes', queryList, 'omit'),
    pause: field('pause', querySwitchOn),
  }),
  /** Laid over the container's own config; command lines send `changes` instead. */
  body: optional(containerConfig),
  reply: document<ContainerCommittedWire>(),
  failures: noSuch,
});

export const containerRoutes = {
  containerList,
  containerCreate,
  containerPrune,
  containerInspect,
  containerTop,
  containerLogs,
  containerStats,
  containerResize,
  containerStart,
  containerStop,
  containerRestart,
  containerKill,
  containerUpdate,
  containerRename,
  containerPause,
  containerUnpause,
  containerAttach,
  containerWait,
  containerRemove,
  containerChanges,
  containerExport,
  containerArchiveStat,
  containerArchiveRead,
  containerArchiveWrite,
  containerCommit,
};
