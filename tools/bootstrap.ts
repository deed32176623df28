import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The Debian package that brings each program which a script of this repository may need. */
const packageOf = {
  busybox: 'busybox-static',
  curl: 'curl',
  debootstrap: 'debootstrap',
  'docker-registry': 'docker-registry',
  'fuse-overlayfs': 'fuse-overlayfs',
  hyperfine: 'hyperfine',
  ip: 'iproute2',
  'mkfs.btrfs': 'btrfs-progs',
  'mkfs.ext4': 'e2fsprogs',
  mount: 'mount',
  'musl-gcc': 'musl-tools',
  nft: 'nftables',
  nsenter: 'util-linux',
  openssl: 'openssl',
  strace: 'strace',
} as const;

export type HostProgram = keyof typeof packageOf;

/**
 * Makes sure that programs are there, installing what is missing with apt-get in one go.
 *
 * A script names what it needs itself, so that a machine gets only what is used on it.
 *
 * @throws when one is missing and this is no Debian-like system, or not root
 */
export function ensurePrograms(...programs: readonly HostProgram[]): void {
  const missing = programs.filter((program) => findProgram(program) === undefined);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => packageOf[program]))];
  if (findProgram('apt-get') === undefined || process.getuid?.() !== 0) {
    throw new Error(
      `cannot find ${missing.join(', ')}: install ${packages.join(', ')} first (as root on Debian: apt-get install ${packages.join(' ')})`,
    );
  }
  process.stderr.write(`installing ${packages.join(', ')} with apt-get …\n`);
  if (!install(packages) && !(apt('update') && install(packages)))
    throw new Error(`cannot install ${packages.join(', ')}: see apt-get above`);
}

/** The path of a program, as a shell would find it; sbin directories count, since an unprivileged PATH may lack them. */
export function findProgram(program: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return directories.map((directory) => join(directory, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // absent or not ours to run: the next directory may have it
  }
}

/** Fails quickly and quietly when the package lists are older than the mirror; the caller then updates them. */
function install(packages: readonly string[]): boolean {
  return apt('install', '-y', '--no-install-recommends', ...packages);
}

function apt(...argv: readonly string[]): boolean {
  const run = Bun.spawnSync(['apt-get', '-qq', ...argv], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: argv[0] === 'update' ? 'inherit' : 'ignore',
  });
  return run.exitCode === 0;
}
