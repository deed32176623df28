import type { Need } from '../http/routes.ts';
import type { RepositoryName } from '../names.ts';
import { RegistryError } from '../registry-error.ts';
import type { Action, Caller, Grants } from './grants.ts';
import { catalogScope, formatScope, parseScopes, type Scope } from './scopes.ts';

/** What one request may do. */
export type Access = {
  readonly caller: Caller;
  /** @throws UNAUTHORIZED with a challenge, DENIED */
  check(need: Need, name: RepositoryName | undefined): void;
  mayMountFrom(name: RepositoryName): boolean;
  mayList(name: RepositoryName): boolean;
};

/** A registry without users: everyone may do everything. */
export const openAccess: Access = {
  caller: { kind: 'anonymous' },
  check: () => undefined,
  mayMountFrom: () => true,
  mayList: () => true,
};

/** How a client is told to identify itself: the value of `WWW-Authenticate`. */
export type Challenge = (scope: string) => string;

/**
 * The access of a caller who gave name and password, or nothing, by the grants. Nobody in particular may enter where
 * somebody in particular granted something to everybody.
 */
export function grantedAccess(caller: Caller, grants: Grants, challenge: Challenge): Access {
  const may = (action: Action, name: RepositoryName): boolean => grants.allowed(caller, name).includes(action);
  const isAllowed = (need: Need, name: RepositoryName | undefined): boolean => {
    if (isAction(need) && name !== undefined) return may(need, name);
    return caller.kind === 'user' || (need !== 'login' && grants.admitsAnonymous);
  };
  return {
    caller,
    check: (need, name) => {
      if (!isAllowed(need, name)) throw refusal(caller, challenge, scopeOf(need, name));
    },
    mayMountFrom: (name) => may('pull', name),
    mayList: (name) => may('pull', name),
  };
}

/** The access of a bearer token: what its scopes say, whatever the grants say by now. */
export function tokenAccess(
  caller: Caller,
  scopes: readonly string[],
  { grants, challenge }: { grants: Grants; challenge: Challenge },
): Access {
  const parsed = parseScopes(scopes);
  const may = (action: Action, name: RepositoryName): boolean =>
    parsed.some((scope) => scope.type === 'repository' && scope.name === name && scope.actions.includes(action));
  const isAllowed = (need: Need, name: RepositoryName | undefined): boolean => {
    if (isAction(need) && name !== undefined) return may(need, name);
    if (need === 'catalog') return parsed.some(({ type }) => type === 'registry');
    return need !== 'login' || caller.kind === 'user';
  };
  return {
    caller,
    check: (need, name) => {
      // Another token may be worth more: a client that could ask for one is told which.
      if (!isAllowed(need, name)) throw insufficient(challenge, scopeOf(need, name));
    },
    mayMountFrom: (name) => may('pull', name) || grants.allowed(caller, name).includes('pull'),
    mayList: (name) => grants.allowed(caller, name).includes('pull'),
  };
}

/** The scope that would have been enough. Who pushes is told to ask for pull too, as clients expect. */
function scopeOf(need: Need, name: RepositoryName | undefined): string {
  if (need === 'catalog') return formatScope(catalogScope);
  if (!isAction(need) || name === undefined) return '';
  const actions: readonly Action[] = need === 'push' ? ['pull', 'push'] : [need];
  const scope: Scope = { type: 'repository', name, actions };
  return formatScope(scope);
}

function isAction(need: Need): need is Action {
  return need === 'pull' || need === 'push' || need === 'delete';
}

function refusal(caller: Caller, challenge: Challenge, scope: string): RegistryError {
  if (caller.kind === 'anonymous') return unauthorized('authentication required', challenge(scope));
  return new RegistryError('DENIED', 'requested access to the resource is denied');
}

function insufficient(challenge: Challenge, scope: string): RegistryError {
  return new RegistryError('DENIED', 'requested access to the resource is denied', {
    status: 401,
    headers: { 'www-authenticate': `${challenge(scope)},error="insufficient_scope"` },
  });
}

export function unauthorized(message: string, challenge: string): RegistryError {
  return new RegistryError('UNAUTHORIZED', message, { headers: { 'www-authenticate': challenge } });
}
