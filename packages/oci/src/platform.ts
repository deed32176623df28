import { EngineError } from '@gantry/base';

export type Platform = {
  readonly os: string;
  readonly architecture: string;
  /** `v7`, `v8`; '' for none. */
  readonly variant: string;
};

const knownSystems = new Set([
  'aix',
  'android',
  'darwin',
  'dragonfly',
  'freebsd',
  'illumos',
  'ios',
  'js',
  'linux',
  'macos',
  'netbsd',
  'openbsd',
  'plan9',
  'solaris',
  'wasip1',
  'windows',
]);
const knownArchitectures = new Set([
  '386',
  'amd64',
  'arm',
  'arm64',
  'loong64',
  'mips',
  'mips64',
  'mips64le',
  'mipsle',
  'ppc64',
  'ppc64le',
  'riscv64',
  's390x',
  'wasm',
]);
const componentGrammar = /^[A-Za-z0-9_.-]+$/;

/** Brings the many spellings of an architecture to Go's: `aarch64` → `arm64`, `armhf` → `arm/v7`, `x86_64` → `amd64`. */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase() === 'macos' ? 'darwin' : platform.os.toLowerCase();
  return { os, ...normalizeArchitecture(platform.architecture.toLowerCase(), platform.variant.toLowerCase()) };
}

function normalizeArchitecture(architecture: string, variant: string): { architecture: string; variant: string } {
  switch (architecture) {
    case 'i386':
      return { architecture: '386', variant: '' };
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return { architecture: 'amd64', variant: variant === 'v1' ? '' : variant };
    case 'aarch64':
    case 'arm64':
      return { architecture: 'arm64', variant: variant === '8' || variant === 'v8' ? '' : variant };
    case 'armhf':
      return { architecture: 'arm', variant: 'v7' };
    case 'armel':
      return { architecture: 'arm', variant: 'v6' };
    case 'arm':
      return {
        architecture: 'arm',
        variant: variant === '' ? 'v7' : /^[5-8]$/.test(variant) ? `v${variant}` : variant,
      };
    default:
      return { architecture, variant };
  }
}

/**
 * Parses `linux/arm64/v8`, `linux/amd64`, or one part of it, whose rest is the host's.
 *
 * @throws invalid
 */
export function parsePlatform(text: string, host: Platform): Platform {
  const parts = text.split('/');
  const [first = '', second = '', third = ''] = parts;
  const bad = parts.find((part) => !componentGrammar.test(part));
  if (bad !== undefined) {
    throw new EngineError(
      'invalid',
      `"${bad}" is an invalid component of "${text}": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument`,
    );
  }
  if (parts.length > 3)
    throw new EngineError('invalid', `"${text}": cannot parse platform specifier: invalid argument`);
  if (parts.length > 1) return normalizePlatform({ os: first, architecture: second, variant: third });
  const alone = normalizePlatform({ os: host.os, architecture: first, variant: '' });
  if (knownArchitectures.has(alone.architecture)) return alone;
  if (knownSystems.has(first.toLowerCase())) return normalizePlatform({ ...host, os: first });
  throw new EngineError('invalid', `"${text}": unknown operating system or architecture: invalid argument`);
}

/** Formats as `linux/arm/v7`. */
export function formatPlatform(platform: Platform): string {
  const parts = [platform.os, platform.architecture];
  if (platform.variant !== '') parts.push(platform.variant);
  return parts.map((part) => (part === '' ? 'unknown' : part)).join('/');
}

/** Everything a platform can run, best first: an arm64 host runs arm/v8 down to v5, an amd64 one also 386. */
export function platformsRunnableOn(host: Platform): readonly Platform[] {
  const { os, architecture, variant } = normalizePlatform(host);
  const same = (name: string, variants: readonly string[]): Platform[] =>
    variants.map((one) => ({ os, architecture: name, variant: one }));
  switch (architecture) {
    case 'amd64': {
      const level = Number(/^v([2-4])$/.exec(variant)?.[1] ?? 1);
      const down = Array.from({ length: level }, (_, i) => (level - i === 1 ? '' : `v${level - i}`));
      return [...same('amd64', down), ...same('386', [''])];
    }
    case 'arm64':
      return [...same('arm64', variant === '' ? [''] : [variant, '']), ...same('arm', ['v8', 'v7', 'v6', 'v5'])];
    case 'arm': {
      const level = Number(/^v([5-8])$/.exec(variant)?.[1] ?? 7);
      return same(
        'arm',
        Array.from({ length: level - 4 }, (_, i) => `v${level - i}`),
      );
    }
    default:
      return [{ os, architecture, variant }];
  }
}

/**
 * Chooses the candidate that runs best on `wanted`; the first one wins among equals. A candidate that names no
 * platform is the last resort: an index may leave it out, and its image's own config then decides.
 */
export function choosePlatform<Candidate extends { readonly platform: Platform | undefined }>(
  candidates: readonly Candidate[],
  wanted: Platform,
): Candidate | undefined {
  for (const runnable of platformsRunnableOn(wanted)) {
    const found = candidates.find(({ platform }) => platform !== undefined && samePlatform(platform, runnable));
    if (found !== undefined) return found;
  }
  return candidates.find(({ platform }) => platform === undefined);
}

/** Tells whether two platforms are the same once their spelling is. */
export function samePlatform(left: Platform, right: Platform): boolean {
  return formatPlatform(normalizePlatform(left)) === formatPlatform(normalizePlatform(right));
}
