export type VolumeRequest = {
  /** `source:target[:options]`, for HostConfig. */
  readonly binds: readonly string[];
  /** Targets of anonymous volumes, for Config. */
  readonly anonymous: readonly string[];
};

/**
 * Sorts `--volume` into binds and anonymous volumes; `./x` and `.` become absolute, as the engine cannot know where
 * the user stands.
 *
 * @param absolute makes a path absolute from the user's directory
 * @throws Error in Docker's words
 */
export function parseVolumes(specs: readonly string[], absolute: (path: string) => string): VolumeRequest {
  const binds: string[] = [];
  const anonymous: string[] = [];
  for (const spec of specs) {
    if (isAnonymous(spec)) anonymous.push(spec);
    else binds.push(spec.startsWith('.') ? absoluteSource(spec, absolute) : spec);
  }
  return { binds, anonymous: [...new Set(anonymous)] };
}

function isAnonymous(spec: string): boolean {
  if (spec === '') throw new Error('invalid empty volume spec');
  // Docker takes one and two letters as a target without looking, so that `:` alone is the engine's to refuse.
  if (spec.length <= 2) return true;
  const parts = spec.split(':');
  if (parts.some((part) => part === '')) throw new Error(`invalid spec: ${spec}: empty section between colons`);
  return parts.length === 1;
}

function absoluteSource(spec: string, absolute: (path: string) => string): string {
  const colon = spec.indexOf(':');
  return `${absolute(spec.slice(0, colon))}${spec.slice(colon)}`;
}

/** `--tmpfs /run:rw,size=64m` as target → options. */
export function parseTmpfs(specs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    specs.map((spec) => {
      const colon = spec.indexOf(':');
      return colon < 0 ? [spec, ''] : [spec.slice(0, colon), spec.slice(colon + 1)];
    }),
  );
}
