const document = {
  extensions: [
    {
      name: '_oci',
      description: 'lists the extensions of this registry',
      url: 'https://github.com/opencontainers/distribution-spec/blob/main/extensions/_oci.md',
      endpoints: ['/v2/_oci/ext/discover', '/v2/{name}/_oci/ext/discover'],
    },
    {
      name: '_gantry',
      description: 'tells a layer as a difference from another one of the repository',
      // In the source: it is spoken between our own, and nobody else's clients have to know it.
      url: 'docs/adr/0018-deltas-between-our-own.md',
      endpoints: ['/v2/{name}/_gantry/deltas/{digest}'],
    },
  ],
};

/** `GET /v2/_oci/ext/discover`: the extensions this registry has. Spec: extensions/_oci.md. */
export function discoverExtensions(): Response {
  return Response.json(document);
}
