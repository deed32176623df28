import { type Digest, parseDescriptor, parseFields } from '@gantry/oci';

/** A manifest that says that it is about another: a signature, a list of parts. */
export type Referrer = {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly artifactType: string;
  readonly annotations: Readonly<Record<string, string>>;
};

/** Parses an index as the referrers API answers it. Spec: OCI distribution-spec 1.1, "Listing Referrers". @throws invalid */
export function parseReferrers(bytes: Uint8Array): readonly Referrer[] {
  return parseFields(new TextDecoder().decode(bytes), 'list of referrers')
    .objects('manifests')
    .map((fields) => {
      const { mediaType, digest, sizeBytes, annotations } = parseDescriptor(fields);
      return { mediaType, digest, sizeBytes, annotations, artifactType: fields.text('artifactType') };
    });
}

/** The descriptor as JSON. */
export function formatReferrer({ mediaType, digest, sizeBytes, artifactType, annotations }: Referrer): string {
  return JSON.stringify({
    mediaType,
    digest,
    size: sizeBytes,
    ...(artifactType !== '' && { artifactType }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  });
}
