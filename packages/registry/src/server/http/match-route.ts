import { RegistryError } from '../registry-error.ts';
import type { Captured, Route } from './routes.ts';

export type Matched = { readonly route: Route; readonly captured: Captured };

type Compiled = { readonly pattern: RegExp; readonly routes: readonly Route[] };

/**
 * Makes one function of a route table, which finds the row of a method and a path.
 *
 * @returns a function that throws: status 404 for a path that nobody has, 405 with `Allow` for a method that its path does not have
 */
export function compileRoutes(table: readonly Route[]): (method: string, path: string) => Matched {
  const compiled = groupByPath(table);
  return (method, path) => {
    for (const { pattern, routes } of compiled) {
      const match = pattern.exec(path);
      if (match === null) continue;
      const route = routes.find((row) => row.methods.includes(method));
      if (route === undefined) throw wrongMethod(routes);
      return { route, captured: { name: decode(match.groups?.name), last: decode(match.groups?.last) } };
    }
    throw new RegistryError('UNSUPPORTED', 'there is no such endpoint', { status: 404 });
  };
}

function groupByPath(table: readonly Route[]): readonly Compiled[] {
  return [...new Set(table.map(({ path }) => path))].map((path) => ({
    pattern: patternOf(path),
    routes: table.filter((row) => row.path === path),
  }));
}

/** A name takes as much as it can, so that repositories may have components such as `manifests`. A last slash is optional. */
function patternOf(path: string): RegExp {
  const text = path
    .replaceAll('.', '\\.')
    .replace('{name}', '(?<name>.+)')
    .replace('{last}', '(?<last>[^/]+)')
    .replace(/\/$/, '/?');
  return new RegExp(`^${text}$`);
}

function wrongMethod(routes: readonly Route[]): RegistryError {
  const allow = routes.flatMap(({ methods }) => methods).join(', ');
  return new RegistryError('UNSUPPORTED', 'the operation is unsupported', { headers: { allow } });
}

/** Decodes a part of a path once. What does not decode is left as it is: no grammar takes a percent sign. */
function decode(text = ''): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not UTF-8, and so no name of anything
  }
}
