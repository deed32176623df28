import { EngineError } from '@gantry/base';
import { type Fields, parseFields } from '@gantry/oci';
import type { RepositoryName } from '../names.ts';

/** What can be done with a repository: the words of a token's scope. */
export type Action = 'pull' | 'push' | 'delete';
export const actions: readonly Action[] = ['pull', 'push', 'delete'];

/** Who asks: a user of the htpasswd file, or anybody. */
export type Caller = { readonly kind: 'user'; readonly name: string } | { readonly kind: 'anonymous' };

/** One rule: these callers may do these things with these repositories. */
type Grant = {
  readonly users: readonly string[];
  readonly repositories: readonly RegExp[];
  readonly actions: readonly Action[];
};

/** What a caller may do. Rules only add to each other; what none grants is refused. */
export type Grants = {
  allowed(caller: Caller, name: RepositoryName): readonly Action[];
  /** Whether anybody may do anything without a name. */
  readonly admitsAnonymous: boolean;
};

/** Names of callers in a grants file that are no user's. */
export const everyUser = '*';
export const anonymousUser = 'anonymous';

/** Without a grants file every user may do everything, and nobody else anything. */
export const usersOnly: Grants = {
  allowed: (caller) => (caller.kind === 'user' ? actions : []),
  admitsAnonymous: false,
};

/**
 * Reads a grants file:
 *
 *     { "grants": [
 *       { "users": ["alice"], "repositories": ["team/**"], "actions": ["read", "write", "delete"] },
 *       { "users": ["*"], "repositories": ["**"], "actions": ["read"] },
 *       { "users": ["anonymous"], "repositories": ["public/*"], "actions": ["read"] } ] }
 *
 * In a repository's pattern `*` is a part of one component, `**` anything. The user `*` is everyone who logged in,
 * `anonymous` is everyone.
 *
 * @throws invalid
 */
export function parseGrants(json: string): Grants {
  const grants = parseFields(json, 'grants file').objects('grants').map(parseGrant);
  return {
    allowed: (caller, name) => {
      const found = grants.filter(
        (grant) => isFor(grant, caller) && grant.repositories.some((each) => each.test(name)),
      );
      return actions.filter((action) => found.some((grant) => grant.actions.includes(action)));
    },
    admitsAnonymous: grants.some((grant) => grant.users.includes(anonymousUser)),
  };
}

function isFor({ users }: Grant, caller: Caller): boolean {
  // What anybody may do, somebody may do too.
  if (users.includes(anonymousUser)) return true;
  return caller.kind === 'user' && (users.includes(everyUser) || users.includes(caller.name));
}

function parseGrant(fields: Fields): Grant {
  return {
    users: fields.texts('users'),
    repositories: fields.texts('repositories').map(compilePattern),
    actions: fields.texts('actions').map(parseAction),
  };
}

const actionWords: ReadonlyMap<string, Action> = new Map([
  ['read', 'pull'],
  ['write', 'push'],
  ['delete', 'delete'],
]);

function parseAction(word: string): Action {
  const action = actionWords.get(word);
  if (action === undefined)
    throw new EngineError('invalid', `cannot read grants file: action "${word}" is not read, write or delete`);
  return action;
}

function compilePattern(pattern: string): RegExp {
  if (!/^[a-z0-9._/*-]{1,300}$/.test(pattern))
    throw new EngineError('invalid', `cannot read grants file: "${pattern}" is no pattern of repository names`);
  const parts = pattern.split(/(\*+)/).map((part) => {
    if (part.startsWith('**')) return '.*';
    return part === '*' ? '[^/]*' : part.replaceAll('.', '\\.');
  });
  return new RegExp(`^${parts.join('')}$`);
}
