import { parseRepositoryName, parseTagOrDigest, parseUploadId, parseWireDigest } from '../names.ts';
import { appendUpload } from '../verbs/append-upload.ts';
import { cancelUpload } from '../verbs/cancel-upload.ts';
import { checkHealth } from '../verbs/check-health.ts';
import { checkSupport } from '../verbs/check-support.ts';
import { deleteBlob } from '../verbs/delete-blob.ts';
import { deleteManifest } from '../verbs/delete-manifest.ts';
import { discoverExtensions } from '../verbs/discover-extensions.ts';
import { finishUpload } from '../verbs/finish-upload.ts';
import { getBlob } from '../verbs/get-blob.ts';
import { getDelta } from '../verbs/get-delta.ts';
import { getManifest } from '../verbs/get-manifest.ts';
import { getUpload } from '../verbs/get-upload.ts';
import { listReferrers } from '../verbs/list-referrers.ts';
import { listRepositories } from '../verbs/list-repositories.ts';
import { listTags } from '../verbs/list-tags.ts';
import { putManifest } from '../verbs/put-manifest.ts';
import { pingIndex, searchRepositories } from '../verbs/search-repositories.ts';
import { showMetrics } from '../verbs/show-metrics.ts';
import { startUpload } from '../verbs/start-upload.ts';
import type { Answer, BlobCall, CallContext, ManifestCall, RepositoryCall, UploadCall } from './call.ts';

/**
 * What a caller must be allowed to do; `enter` is to have any right at all, `login` to be somebody, `nothing` is not even
 * asked for a name.
 */
export type Need = 'nothing' | 'enter' | 'login' | 'catalog' | 'pull' | 'push' | 'delete';

/** One row of the API: the path's `{name}` may have slashes, its `{last}` has none. */
export type Route = {
  readonly id: string;
  readonly methods: readonly string[];
  readonly path: string;
  readonly need: Need;
  readonly answer: (call: CallContext, captured: Captured) => Answer;
};

export type Captured = { readonly name: string; readonly last: string };

const onRepository =
  (answer: (call: RepositoryCall) => Answer): Route['answer'] =>
  (call, { name }) =>
    answer({ ...call, name: parseRepositoryName(name) });

const onManifest =
  (answer: (call: ManifestCall) => Answer): Route['answer'] =>
  (call, { name, last }) =>
    answer({ ...call, name: parseRepositoryName(name), asked: parseTagOrDigest(last) });

const onBlob =
  (answer: (call: BlobCall) => Answer): Route['answer'] =>
  (call, { name, last }) =>
    answer({ ...call, name: parseRepositoryName(name), digest: parseWireDigest(last) });

const onUpload =
  (answer: (call: UploadCall) => Answer): Route['answer'] =>
  (call, { name, last }) =>
    answer({ ...call, name: parseRepositoryName(name), id: parseUploadId(last) });

/**
 * The whole API, in the order in which paths are tried.
 *
 * Spec: OCI distribution-spec 1.1, "Endpoints"; distribution's api.md for `_catalog`.
 */
export const routes: readonly Route[] = [
  { id: 'check', methods: ['GET', 'HEAD'], path: '/v2/', need: 'enter', answer: checkSupport },
  { id: 'catalog', methods: ['GET'], path: '/v2/_catalog', need: 'catalog', answer: listRepositories },
  { id: 'extensions', methods: ['GET'], path: '/v2/_oci/ext/discover', need: 'enter', answer: discoverExtensions },
  {
    id: 'repository-extensions',
    methods: ['GET'],
    path: '/v2/{name}/_oci/ext/discover',
    need: 'pull',
    answer: onRepository(discoverExtensions),
  },
  { id: 'tags', methods: ['GET'], path: '/v2/{name}/tags/list', need: 'pull', answer: onRepository(listTags) },
  {
    id: 'referrers',
    methods: ['GET'],
    path: '/v2/{name}/referrers/{last}',
    need: 'pull',
    answer: onBlob(listReferrers),
  },
  {
    id: 'get-manifest',
    methods: ['GET', 'HEAD'],
    path: '/v2/{name}/manifests/{last}',
    need: 'pull',
    answer: onManifest(getManifest),
  },
  {
    id: 'put-manifest',
    methods: ['PUT'],
    path: '/v2/{name}/manifests/{last}',
    need: 'push',
    answer: onManifest(putManifest),
  },
  {
    id: 'delete-manifest',
    methods: ['DELETE'],
    path: '/v2/{name}/manifests/{last}',
    need: 'delete',
    answer: onManifest(deleteManifest),
  },
  {
    id: 'start-upload',
    methods: ['POST'],
    path: '/v2/{name}/blobs/uploads/',
    need: 'push',
    answer: onRepository(startUpload),
  },
  {
    id: 'get-upload',
    methods: ['GET', 'HEAD'],
    path: '/v2/{name}/blobs/uploads/{last}',
    need: 'push',
    answer: onUpload(getUpload),
  },
  {
    id: 'append-upload',
    methods: ['PATCH'],
    path: '/v2/{name}/blobs/uploads/{last}',
    need: 'push',
    answer: onUpload(appendUpload),
  },
  {
    id: 'finish-upload',
    methods: ['PUT'],
    path: '/v2/{name}/blobs/uploads/{last}',
    need: 'push',
    answer: onUpload(finishUpload),
  },
  {
    id: 'cancel-upload',
    methods: ['DELETE'],
    path: '/v2/{name}/blobs/uploads/{last}',
    need: 'push',
    answer: onUpload(cancelUpload),
  },
  {
    id: 'get-blob',
    methods: ['GET', 'HEAD'],
    path: '/v2/{name}/blobs/{last}',
    need: 'pull',
    answer: onBlob(getBlob),
  },
  {
    id: 'delete-blob',
    methods: ['DELETE'],
    path: '/v2/{name}/blobs/{last}',
    need: 'delete',
    answer: onBlob(deleteBlob),
  },
  {
    id: 'get-delta',
    methods: ['GET', 'HEAD'],
    path: '/v2/{name}/_gantry/deltas/{last}',
    need: 'pull',
    answer: onBlob(getDelta),
  },
  { id: 'health', methods: ['GET', 'HEAD'], path: '/healthz', need: 'nothing', answer: checkHealth },
  { id: 'health', methods: ['GET', 'HEAD'], path: '/debug/health', need: 'nothing', answer: checkHealth },
  { id: 'metrics', methods: ['GET'], path: '/metrics', need: 'login', answer: showMetrics },
  { id: 'ping-index', methods: ['GET'], path: '/v1/_ping', need: 'enter', answer: pingIndex },
  { id: 'search', methods: ['GET'], path: '/v1/search', need: 'catalog', answer: searchRepositories },
];
