import { RegistryError } from '../registry-error.ts';

/** Whether a client has already what an entity tag names. Spec: RFC 9110 section 13.1.2. */
export function isUnchanged(request: Request, etag: string): boolean {
  const header = request.headers.get('if-none-match');
  return header !== null && matches(header, etag);
}

/**
 * Checks the conditions of a write: `If-None-Match: *` creates only, `If-Match` replaces only what the client has seen.
 *
 * Spec: RFC 9110 section 13.1; distribution-spec, "Referrers Tag Schema", lets clients guard their updates so.
 * @param etag of what is there now; undefined when nothing is
 * @throws MANIFEST_INVALID with status 412
 */
export function checkWriteConditions(request: Request, etag: string | undefined): void {
  const ifMatch = request.headers.get('if-match');
  const ifNoneMatch = request.headers.get('if-none-match');
  const isRefused =
    (ifMatch !== null && (etag === undefined || !matches(ifMatch, etag))) ||
    (ifNoneMatch !== null && etag !== undefined && matches(ifNoneMatch, etag));
  if (isRefused)
    throw new RegistryError('MANIFEST_INVALID', 'the tag is not what the request expects', { status: 412 });
}

function matches(header: string, etag: string): boolean {
  const weak = (text: string): string => text.trim().replace(/^W\//, '');
  return header.split(',').some((each) => weak(each) === '*' || weak(each) === etag);
}
