import type { Json, JsonObject } from '../codec/json.ts';
import type { RouteName } from '../routes/table.ts';
import { containerAdapters } from './containers.ts';
import { imageAdapters } from './images.ts';
import { systemAdapters } from './system.ts';
import { isOlder } from './version.ts';

/** Query and body of a request, before anything is parsed. */
export type WireRequest = { readonly query: JsonObject; readonly body: Json | undefined };

/**
 * One difference between the newest API and those older than `below`: `up` lifts an old client's request, `down` turns
 * a reply into what that client knows. Pure, and the only place where anything knows about old versions.
 */
export type Adapter = {
  readonly routes: readonly RouteName[];
  /** Applies to clients older than this. */
  readonly below: string;
  readonly up?: (request: WireRequest) => WireRequest;
  readonly down?: (reply: Json) => Json;
};

// Newest first: a reply steps down through the ages in this order, a request climbs in the other.
const adapters: readonly Adapter[] = [...systemAdapters, ...containerAdapters, ...imageAdapters].sort((left, right) =>
  isOlder(left.below, right.below) ? 1 : -1,
);

function adaptersOf(name: RouteName, version: string): readonly Adapter[] {
  return adapters.filter((adapter) => adapter.routes.includes(name) && isOlder(version, adapter.below));
}

/** Lifts a request of an older client to the newest version. */
export function adaptRequest(name: RouteName, version: string, request: WireRequest): WireRequest {
  return adaptersOf(name, version).reduceRight((lifted, { up }) => (up === undefined ? lifted : up(lifted)), request);
}

/** Turns a document of the newest version into what a client of `version` knows. */
export function adaptReply(name: RouteName, version: string, reply: Json): Json {
  return adaptersOf(name, version).reduce((lowered, { down }) => (down === undefined ? lowered : down(lowered)), reply);
}
