import type { CallContext } from '../http/call.ts';

const defaultCount = 25;
const maximumCount = 100;

/** `GET /v1/_ping`: what Docker asks before it searches. */
export function pingIndex(): Response {
  return Response.json({ standalone: true }, { headers: { 'x-docker-registry-standalone': 'true' } });
}

/** `GET /v1/search?q=&n=&page=`: repositories whose name holds the words, the shortest names first, for `docker search`. */
export async function searchRepositories({ store, access, url }: CallContext): Promise<Response> {
  const query = (url.searchParams.get('q') ?? '').toLowerCase();
  const size = Math.min(positive(url.searchParams.get('n')) ?? defaultCount, maximumCount);
  const page = positive(url.searchParams.get('page')) ?? 1;
  const words = query.split(/\s+/);
  const names = (await store.repositories.list())
    .filter((name) => words.every((word) => name.includes(word)) && access.mayList(name))
    .sort((one, other) => one.length - other.length || (one < other ? -1 : 1));
  const results = names.slice((page - 1) * size, page * size).map((name) => ({
    name,
    description: '',
    star_count: 0,
    is_official: false,
    is_automated: false,
    is_trusted: false,
  }));
  const pages = Math.ceil(names.length / size);
  return Response.json({ query, page, page_size: size, num_pages: pages, num_results: names.length, results });
}

function positive(text: string | null): number | undefined {
  return text !== null && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined;
}
