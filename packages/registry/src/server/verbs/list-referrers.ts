import { maximumManifestBytes, mediaTypes, parseFields } from '@gantry/oci';
import { formatReferrer, type Referrer } from '../../client/referrers.ts';
import type { BlobCall } from '../http/call.ts';
import { parseWireDigest } from '../names.ts';
import { linkHeaders } from '../pagination.ts';
import { listNames, readText } from '../store/files.ts';
import { hasManifest } from '../store/manifests.ts';
import { staleWarning } from './get-manifest.ts';

/** A page of referrers is a manifest, and clients read no larger ones; the rest is for the frame around them. */
const maximumPageBytes = maximumManifestBytes - 64 * 1024;

/**
 * `GET /v2/<name>/referrers/<digest>?artifactType=`: an index of the manifests whose subject that digest is.
 *
 * A cache asks upstream, and tells what it keeps when that cannot be reached.
 *
 * Spec: end-12a, end-12b; an unknown repository or digest has an empty list.
 */
export async function listReferrers(call: BlobCall): Promise<Response> {
  const { name, url, digest: subject, upstream, request } = call;
  const type = url.searchParams.get('artifactType');
  const manifests: string[] = [];
  let bytes = 0;
  let next: string | undefined;
  let previous: string | undefined;
  const theirs = await upstream?.listReferrers(name, subject, request.signal);
  const entries = theirs === undefined ? await keptEntries(call) : theirs.map(upstreamEntry);
  const last = url.searchParams.get('last') ?? '';
  for (const { entry, read } of entries.filter((each) => each.entry > last).sort(byEntry)) {
    const descriptor = await read();
    if (descriptor === undefined || (type !== null && artifactTypeOf(descriptor) !== type)) continue;
    bytes += descriptor.length + 1;
    if (bytes > maximumPageBytes) {
      next = previous;
      break;
    }
    manifests.push(descriptor);
    previous = entry;
  }
  const body = `{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[${manifests.join(',')}]}`;
  const query = { artifactType: type ?? undefined, last: next };
  const headers = {
    'content-type': mediaTypes.ociIndex,
    ...(type !== null && { 'oci-filters-applied': 'artifactType' }),
    ...(upstream !== undefined && theirs === undefined && { warning: staleWarning }),
    ...linkHeaders(`/v2/${name}/referrers/${subject}`, query),
  };
  return new Response(body, { headers });
}

/** One referrer under the name that orders pages; `read` gives its descriptor as JSON. */
type Entry = { readonly entry: string; readonly read: () => Promise<string | undefined> };

function byEntry(one: Entry, other: Entry): number {
  return one.entry < other.entry ? -1 : 1;
}

async function keptEntries(call: BlobCall): Promise<readonly Entry[]> {
  const names = await listNames(call.store.layout.referrers(call.name, call.digest));
  return names.map((entry) => ({ entry, read: () => readDescriptor(call, entry) }));
}

function upstreamEntry(referrer: Referrer): Entry {
  return { entry: referrer.digest.replace(':', '-'), read: async () => formatReferrer(referrer) };
}

/** An entry whose manifest is gone, or never came to be, is none. */
async function readDescriptor({ store, name, digest: subject }: BlobCall, entry: string): Promise<string | undefined> {
  const digest = parseWireDigest(entry.replace('-', ':'));
  if (!hasManifest(store, name, digest)) return undefined;
  return await readText(store.layout.referrer(name, subject, digest));
}

function artifactTypeOf(descriptor: string): string {
  return parseFields(descriptor, 'referrer').text('artifactType');
}
