import { RegistryError } from './registry-error.ts';

/** What a client asked to see of a list. */
export type PageAsked = {
  /** undefined: as many as a page holds. */
  readonly count: number | undefined;
  /** Entries up to and including this one are left out; '' for none. */
  readonly last: string;
};

export type Page = {
  readonly entries: readonly string[];
  /** The `last` of the page that follows; undefined when nothing does. */
  readonly next: string | undefined;
};

/** No page holds more, whatever a client asks for (CVE-2023-2253). */
export const maximumPageEntries = 10_000;

/**
 * Reads `n` and `last`.
 *
 * @throws UNSUPPORTED with status 400 when `n` is no count
 */
export function parsePageAsked(query: URLSearchParams): PageAsked {
  const text = query.get('n');
  if (text !== null && !/^\d{1,15}$/.test(text)) {
    throw new RegistryError('UNSUPPORTED', 'invalid number of results requested', {
      status: 400,
      detail: { n: text.slice(0, 40) },
    });
  }
  return { count: text === null ? undefined : Number(text), last: query.get('last') ?? '' };
}

/**
 * Cuts a page out of a list.
 *
 * Spec: OCI distribution-spec 1.1, "Listing Tags": entries after `last`, in ASCII order; none for `n=0`.
 *
 * @param all in any order
 */
export function takePage(all: readonly string[], asked: PageAsked): Page {
  const after = all.filter((entry) => entry > asked.last).sort();
  const count = Math.min(asked.count ?? maximumPageEntries, maximumPageEntries);
  const entries = after.slice(0, count);
  return { entries, next: after.length > count ? entries.at(-1) : undefined };
}

/** The `Link` header to the next page; no header when there is none. Spec: RFC 8288. */
export function linkHeaders(
  path: string,
  query: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  if (query.last === undefined) return {};
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value);
  return { link: `<${path}?${parameters}>; rel="next"` };
}
