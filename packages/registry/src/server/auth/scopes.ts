import { parseRepositoryName, type RepositoryName } from '../names.ts';
import { type Action, actions } from './grants.ts';

/** What one entry of a token's scope is about. */
export type Scope =
  | { readonly type: 'repository'; readonly name: RepositoryName; readonly actions: readonly Action[] }
  | { readonly type: 'registry'; readonly name: 'catalog'; readonly actions: readonly ['*'] };

const maximumScopes = 100;

/**
 * Reads the scopes of a token request. Entries that are about something else, or cannot be read, grant nothing and are
 * left out: clients ask for more than they need.
 *
 * Spec: distribution's auth/scope.md: `repository:name:pull,push`, separated by spaces.
 */
export function parseScopes(texts: readonly string[]): readonly Scope[] {
  const entries = texts.flatMap((text) => text.split(' ')).slice(0, maximumScopes);
  return entries.map(parseScope).filter((scope) => scope !== undefined);
}

function parseScope(text: string): Scope | undefined {
  if (text === 'registry:catalog:*') return catalogScope;
  const match = /^repository(?:\([a-z0-9]+\))?:(.+):([a-z,*]+)$/.exec(text);
  const [, name = '', words = ''] = match ?? [];
  if (match === null) return undefined;
  const asked = words.split(',');
  try {
    const named = actions.filter((action) => asked.includes(action) || asked.includes('*'));
    return { type: 'repository', name: parseRepositoryName(name), actions: named };
  } catch {
    return undefined; // no name of a repository, so nothing can be granted on it
  }
}

export const catalogScope: Scope = { type: 'registry', name: 'catalog', actions: ['*'] };

/** A scope as a challenge has it. */
export function formatScope({ type, name, actions: words }: Scope): string {
  return `${type}:${name}:${words.join(',')}`;
}
