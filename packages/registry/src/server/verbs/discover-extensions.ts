const document = {
  extensions: [
    {
      name: '_oci',
      description: 'lists the extensions of this registry',
      url: 'https://github.com/opencontainers/distribution-spec/blob/main/extensions/_oci.md',
      endpoints: ['/v2/_oci/ext/discover', '/v2/{name}/_oci/ext/discover'],
    },
  ],
};

/** `GET /v2/_oci/ext/discover`: the extensions this registry has, which is this one. Spec: extensions/_oci.md. */
export function discoverExtensions(): Response {
  return Response.json(document);
}
