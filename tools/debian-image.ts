import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ensurePrograms } from './bootstrap.ts';
import type { LayerFile } from './upload-image.ts';

const page = `<!doctype html>
<title>Gantry</title>
<h1>It runs</h1>
<p>This page comes from a Debian container that Gantry started.</p>
`;

/**
 * A Debian base image with a small web server and one page, as one layer: made by debootstrap from the mirror that this
 * machine's own apt uses, then kept in `cacheDirectory` for the next time.
 */
export async function debianLayer(cacheDirectory: string): Promise<LayerFile> {
  const path = join(cacheDirectory, 'debian.tar.gz');
  const diffIdPath = join(cacheDirectory, 'debian.diff-id');
  if (existsSync(path) && existsSync(diffIdPath)) return { path, diffId: readFileSync(diffIdPath, 'utf8') };
  ensurePrograms('debootstrap');
  mkdirSync(cacheDirectory, { recursive: true });
  const work = mkdtempSync(join(cacheDirectory, 'debootstrap-'));
  try {
    const root = join(work, 'root');
    debootstrap(root);
    mkdirSync(join(root, 'srv/www'), { recursive: true });
    writeFileSync(join(root, 'srv/www/index.html'), page);
    const diffId = await packLayer(root, join(work, 'debian.tar.gz'));
    renameSync(join(work, 'debian.tar.gz'), path);
    // Last, since it says that the pair is whole.
    writeFileSync(diffIdPath, diffId);
    return { path, diffId };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function debootstrap(root: string): void {
  const argv = [
    'debootstrap',
    '--variant=minbase',
    '--include=busybox-static',
    ...keyringOptions(),
    hostSuite(),
    root,
    hostMirror(),
  ];
  const run = Bun.spawnSync(argv, { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' });
  if (run.exitCode === 0) return;
  const last = run.stdout.toString().trim().split('\n').slice(-3).join('\n');
  throw new Error(`cannot make a Debian root file system: ${run.stderr.toString().trim()}${last}`);
}

/** A mirror that is not signed by a key we have is the machine's own business: its apt trusts it already. */
function keyringOptions(): string[] {
  return existsSync('/usr/share/keyrings/debian-archive-keyring.gpg') ? [] : ['--no-check-gpg'];
}

function hostSuite(): string {
  return /^VERSION_CODENAME=(\S+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'stable';
}

/** The first Debian archive that apt is set to, in either of its file formats; security archives hold no whole system. */
function hostMirror(): string {
  const directory = '/etc/apt/sources.list.d';
  const lists = existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
  for (const path of ['/etc/apt/sources.list', ...lists]) {
    if (!existsSync(path)) continue;
    const text = readFileSync(path, 'utf8').replace(/^#.*$/gm, '');
    const url = /https?:\/\/[^\s\]]+\/debian\/?(?=\s|$)/m.exec(text)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error('cannot find a Debian archive: add one to /etc/apt/sources.list, from which the base image is made');
}

/** Archives and compresses in one pass. @returns the digest of the archive before compression */
async function packLayer(root: string, path: string): Promise<string> {
  const exclude = ['./var/cache/apt/archives/*.deb', './var/lib/apt/lists/*', './dev/*'].map(
    (pattern) => `--exclude=${pattern}`,
  );
  const tar = Bun.spawn(['tar', '-C', root, '--numeric-owner', '--sort=name', ...exclude, '-c', '.'], {
    stdin: 'ignore',
    stderr: 'inherit',
  });
  const hash = createHash('sha256');
  const [hashed, compressed] = tar.stdout.tee();
  const gzip = Bun.spawn(['gzip', '-1'], { stdin: compressed, stdout: Bun.file(path), stderr: 'inherit' });
  for await (const chunk of hashed) hash.update(chunk);
  if ((await tar.exited) !== 0 || (await gzip.exited) !== 0) throw new Error(`cannot archive "${root}"`);
  return `sha256:${hash.digest('hex')}`;
}
