import { messageOf } from '@gantry/base';
import { openAccess } from '../auth/access.ts';
import { type Authentication, authenticate } from '../auth/authenticate.ts';
import { issueToken } from '../auth/issue-token.ts';
import { parseRepositoryName } from '../names.ts';
import { errorResponse, RegistryError } from '../registry-error.ts';
import type { CallContext } from './call.ts';
import { compileRoutes } from './match-route.ts';
import { routes } from './routes.ts';

/** What answering stands on, for the whole life of a registry. */
export type AnswerDeps = Omit<CallContext, 'request' | 'url' | 'access'> & {
  readonly authentication: Authentication | undefined;
  readonly reportFault: (error: unknown) => void;
};

/** An answer, and whose it was: for the log. */
export type Answered = {
  readonly response: Response;
  readonly route: string;
  readonly path: string;
  readonly user: string;
};

const findRoute = compileRoutes(routes);

/** Answers one request, to the API or to the token endpoint. It never throws: errors become documents. */
export async function answer(deps: AnswerDeps, request: Request): Promise<Answered> {
  const seen = { route: 'none', path: '', user: '' };
  const response = await dispatch(deps, request, seen).catch((error: unknown) =>
    errorResponse(failureOf(error, deps.reportFault)),
  );
  // What Docker's older clients look for to tell a registry from any other server.
  response.headers.set('docker-distribution-api-version', 'registry/2.0');
  return { response, ...seen };
}

async function dispatch(
  deps: AnswerDeps,
  request: Request,
  seen: { route: string; path: string; user: string },
): Promise<Response> {
  const { authentication } = deps;
  // Clients of HTTP/1.0, health checks for the most part, name no host.
  const url = URL.parse(request.url, 'http://unnamed');
  if (url === null) throw new RegistryError('UNSUPPORTED', 'the request has no path', { status: 400 });
  seen.path = url.pathname;
  if (url.pathname === '/token' && authentication?.tokens !== undefined) {
    seen.route = 'token';
    return await issueToken({ ...authentication, tokens: authentication.tokens }, request, url);
  }
  const { route, captured } = findRoute(request.method, url.pathname);
  seen.route = route.id;
  const access = route.need === 'nothing' ? openAccess : await authenticate(authentication, request, url);
  seen.user = access.caller.kind === 'user' ? access.caller.name : '';
  access.check(route.need, captured.name === '' ? undefined : parseRepositoryName(captured.name));
  return await route.answer({ ...deps, request, url, access }, captured);
}

function failureOf(error: unknown, reportFault: AnswerDeps['reportFault']): RegistryError {
  if (error instanceof RegistryError) return error;
  if (error instanceof Error && error.name === 'AbortError')
    return new RegistryError('BLOB_UPLOAD_INVALID', 'the client went away', { cause: error });
  reportFault(error);
  if (error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT'))
    return new RegistryError('UNKNOWN', 'the registry has no space left', { status: 507, cause: error });
  return new RegistryError('UNKNOWN', `the registry failed: ${messageOf(error)}`, { cause: error });
}
