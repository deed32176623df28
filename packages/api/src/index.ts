export { type ApiRequest, failureOf, type RequestParts, readReply, requestOf } from './client/request.ts';
export {
  array,
  bool,
  type Codec,
  codec,
  document,
  field,
  int,
  isEmptyWire,
  keySet,
  mapped,
  none,
  object,
  oneOf,
  optional,
  record,
  text,
  type ValueOf,
  words,
  wrongWire,
} from './codec/codec.ts';
export { formatJson, isJsonObject, type Json, type JsonObject, parseJson } from './codec/json.ts';
export {
  type Filters,
  queryDimension,
  queryFilters,
  queryInt,
  queryList,
  queryMoment,
  querySwitch,
  querySwitchOn,
  queryText,
} from './codec/query.ts';
export { containerConfig, healthConfig } from './nouns/container-config.ts';
export { createBody, endpointConfig } from './nouns/create-request.ts';
export { execConfig } from './nouns/exec.ts';
export { hostConfig, restartPolicy } from './nouns/host-config.ts';
export { mountSpec } from './nouns/mount-spec.ts';
export { networkConnectBody, networkCreateBody, networkDisconnectBody } from './nouns/network.ts';
export { deviceMapping, deviceRequest, resources, ulimit } from './nouns/resources.ts';
export { updateBody } from './nouns/update.ts';
export { type Match, matchRoute, type PathParameters } from './routes/match.ts';
export {
  type BodyOf,
  type Method,
  type QueryOf,
  type ReplyOf,
  type Route,
  type Shape,
  stream,
} from './routes/route.ts';
export { type RouteName, type Routes, routes } from './routes/table.ts';
export { unservedRoutes } from './routes/unserved.ts';
export { type Adapter, adaptReply, adaptRequest, type WireRequest } from './versions/adapter.ts';
export {
  checkVersion,
  compareVersions,
  isOlder,
  maxApiVersion,
  minApiVersion,
  splitVersion,
  streamMediaType,
} from './versions/version.ts';
export type * from './wire/container.ts';
export type * from './wire/debug.ts';
export type * from './wire/image.ts';
export type * from './wire/network.ts';
export type * from './wire/past-run.ts';
export type * from './wire/removal-plan.ts';
export type * from './wire/stats.ts';
export type * from './wire/system.ts';
export { formatTime, humanDuration, parseTime, unixSeconds, zeroTime } from './wire/time.ts';
export type * from './wire/volume.ts';
export type * from './wire/why.ts';
