import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ensurePrograms, findProgram } from '../../tools/bootstrap.ts';
import { repositoryRoot } from '../../tools/repository.ts';
import { digestFile, type LayerFile } from '../../tools/upload-image.ts';
import { commandOutput } from './command.ts';

const directories = [
  'bin',
  'dev',
  'etc',
  'home',
  'proc',
  'root',
  'sys',
  'tmp',
  'usr/bin',
  'usr/sbin',
  'sbin',
  'var/www',
];

/**
 * The path of a tar of a busybox root file system, made of this machine's own busybox-static: what `docker import` takes.
 * It is made once and kept beside the build; the same bytes serve every test and bench.
 */
export async function busyboxRootTar(): Promise<string> {
  const cache = join(repositoryRoot, 'dist/test-images');
  const path = join(cache, 'busybox.tar');
  if (existsSync(path)) return path;
  ensurePrograms('busybox');
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'busybox-'));
  try {
    const root = join(work, 'root');
    await fillRoot(root);
    const tar = join(work, 'busybox.tar');
    await commandOutput([
      'tar',
      '-C',
      root,
      '--numeric-owner',
      '--owner=0',
      '--group=0',
      '--sort=name',
      '--mtime=@0',
      '-cf',
      tar,
      '.',
    ]);
    renameSync(tar, path);
  } finally {
    rmSync(work, { recursive: true });
  }
  return path;
}

/** The same root as one gzip layer, for a registry. */
export async function busyboxLayer(): Promise<LayerFile> {
  const tar = await busyboxRootTar();
  const path = `${tar}.gz`;
  if (!existsSync(path)) {
    writeFileSync(`${path}.tmp`, gzipSync(readFileSync(tar)));
    renameSync(`${path}.tmp`, path);
  }
  return { path, diffId: await digestFile(tar) };
}

async function fillRoot(root: string): Promise<void> {
  for (const directory of directories) mkdirSync(join(root, directory), { recursive: true });
  await commandOutput(['chmod', '1777', join(root, 'tmp')]);
  const program = findProgram('busybox');
  if (program === undefined) throw new Error('unreachable: busybox was just installed');
  copyFileSync(program, join(root, 'bin/busybox'));
  const applets = (await commandOutput([program, '--list'])).split('\n');
  for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet));
  writeFileSync(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n',
  );
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
}
