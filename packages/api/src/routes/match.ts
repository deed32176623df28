import type { Route } from './route.ts';
import { type RouteName, routes } from './table.ts';
import { unservedRoutes } from './unserved.ts';

export type PathParameters = Readonly<Record<string, string>>;

/** What a method and a path ask for. */
export type Match =
  | { readonly kind: 'served'; readonly name: RouteName; readonly route: Route; readonly parameters: PathParameters }
  /** Docker has it, this engine does not: `what` says it in words. */
  | { readonly kind: 'unserved'; readonly what: string }
  | { readonly kind: 'unknown' };

type Pattern = { readonly method: string; readonly expression: RegExp };

const served = Object.entries(routes).map(([name, route]) => ({ name: asRouteName(name), route, ...patternOf(route) }));
const unserved = unservedRoutes.map(([method, path, what]) => ({ what, ...patternOf({ method, path }) }));

function asRouteName(name: string): RouteName {
  return name as RouteName;
}

// A name may hold slashes (`localhost:5000/team/app`), so it takes as much as what follows leaves it.
function patternOf(row: { method: string; path: string }): Pattern {
  const source = row.path.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, (_all, name: string) => {
    return name === 'name' ? '(?<name>.+)' : `(?<${name}>[^/]+)`;
  });
  return { method: row.method, expression: new RegExp(`^${source}$`) };
}

/** Finds the row that a request asks for; `path` is decoded and has no version prefix. HEAD is served only where GET is `/_ping`. */
export function matchRoute(method: string, path: string): Match {
  const asked = method === 'HEAD' && path === '/_ping' ? 'GET' : method;
  const plain = path === '/networks/' ? '/networks' : path;
  for (const { name, route, ...pattern } of served) {
    const found = pattern.method === asked ? pattern.expression.exec(plain) : null;
    if (found !== null) return { kind: 'served', name, route: asRoute(route), parameters: { ...found.groups } };
  }
  const known = unserved.find((pattern) => pattern.method === asked && pattern.expression.test(plain));
  return known === undefined ? { kind: 'unknown' } : { kind: 'unserved', what: known.what };
}

function asRoute(route: unknown): Route {
  return route as Route;
}
