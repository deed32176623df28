import type { RepositoryCall } from '../http/call.ts';
import { linkHeaders, parsePageAsked, takePage } from '../pagination.ts';
import { hasRepository, listTags as readTags } from '../store/manifests.ts';
import { unknownRepository } from './get-manifest.ts';

/** `GET /v2/<name>/tags/list?n=&last=`. Spec: end-8a, end-8b. @throws NAME_UNKNOWN */
export async function listTags({ store, name, url, upstream, request }: RepositoryCall): Promise<Response> {
  const asked = parsePageAsked(url.searchParams);
  const all = (await upstream?.listTags(name, request.signal)) ?? (await readTags(store, name));
  if (all.length === 0 && !hasRepository(store, name)) throw unknownRepository(name);
  const { entries, next } = takePage(all, asked);
  const headers = linkHeaders(url.pathname, { n: String(entries.length), last: next });
  return Response.json({ name, tags: entries }, { headers });
}
