import type { CallContext } from '../http/call.ts';
import { linkHeaders, parsePageAsked, takePage } from '../pagination.ts';

/** What is listed when nobody says how many, as Docker's registry has it. */
const defaultCount = 100;

/**
 * `GET /v2/_catalog?n=&last=`: the repositories that the caller may pull from.
 *
 * Spec: distribution's api.md, "Listing Repositories".
 */
export async function listRepositories({ store, access, url }: CallContext): Promise<Response> {
  const asked = parsePageAsked(url.searchParams);
  const names = (await store.repositories.list()).filter((name) => access.mayList(name));
  const { entries, next } = takePage(names, { ...asked, count: asked.count ?? defaultCount });
  const headers = linkHeaders(url.pathname, { n: String(entries.length), last: next });
  return Response.json({ repositories: entries }, { headers });
}
