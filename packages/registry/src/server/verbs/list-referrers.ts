import { maximumManifestBytes, mediaTypes, parseFields } from '@gantry/oci';
import type { BlobCall } from '../http/call.ts';
import { parseWireDigest } from '../names.ts';
import { linkHeaders } from '../pagination.ts';
import { listNames, readText } from '../store/files.ts';
import { hasManifest } from '../store/manifests.ts';

/** A page of referrers is a manifest, and clients read no larger ones; the rest is for the frame around them. */
const maximumPageBytes = maximumManifestBytes - 64 * 1024;

/**
 * `GET /v2/<name>/referrers/<digest>?artifactType=`: an index of the manifests whose subject that digest is.
 *
 * Spec: end-12a, end-12b; an unknown repository or digest has an empty list.
 */
export async function listReferrers(call: BlobCall): Promise<Response> {
  const { name, url, digest: subject } = call;
  const type = url.searchParams.get('artifactType');
  const manifests: string[] = [];
  let bytes = 0;
  let next: string | undefined;
  let previous: string | undefined;
  for (const entry of await entriesAfter(call, url.searchParams.get('last') ?? '')) {
    const descriptor = await readDescriptor(call, entry);
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
    ...linkHeaders(`/v2/${name}/referrers/${subject}`, query),
  };
  return new Response(body, { headers });
}

async function entriesAfter({ store, name, digest }: BlobCall, last: string): Promise<readonly string[]> {
  const names = await listNames(store.layout.referrers(name, digest));
  return names.filter((entry) => entry > last).sort();
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
