import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePrograms, findProgram } from '../../tools/bootstrap.ts';

const applets = [
  'sh',
  'cat',
  'echo',
  'ls',
  'id',
  'grep',
  'mount',
  'hostname',
  'readlink',
  'sleep',
  'true',
  'false',
  'stat',
  'touch',
  'env',
  'pwd',
  'umount',
  'ln',
  'mv',
  'rm',
  'mkdir',
  'df',
  'tr',
  'sort',
  'wc',
  'head',
  'sleep',
  'test',
  'chmod',
  'dd',
  'ps',
  'seq',
  'stty',
  'tty',
  'umask',
];

const passwd = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
web:x:1000:1000:web:/home/web:/bin/sh
4242:x:0:0:a name that is a number:/evil:/bin/sh
`;
const group = `root:x:0:
daemon:x:1:
video:x:44:web
web:x:1000:
extra:x:555:
`;

/**
 * The image that boxes start from: a static busybox, the probe, and the files that users are looked up in.
 *
 * Made once a process; boxes put their own layer over it.
 */
export function makeRootfs(): string {
  const path = mkdtempSync(join(tmpdir(), 'gantry-kernel-image-'));
  ensurePrograms('busybox', 'musl-gcc');
  for (const directory of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'root', 'home/web', 'data', 'secret.d']) {
    mkdirSync(join(path, directory), { recursive: true });
  }
  copyFileSync(findProgram('busybox') ?? '', join(path, 'bin/busybox'));
  for (const applet of new Set(applets)) symlinkSync('busybox', join(path, 'bin', applet));
  copyFileSync(buildProbe(), join(path, 'bin/probe'));
  chmodSync(path, 0o755);
  chmodSync(join(path, 'tmp'), 0o1777);
  writeFileSync(join(path, 'etc/passwd'), passwd);
  writeFileSync(join(path, 'etc/group'), group);
  writeFileSync(join(path, 'data/from-image'), 'image\n');
  writeFileSync(join(path, 'secret'), 'secret\n');
  writeFileSync(join(path, 'secret.d/inner'), 'secret\n');
  return path;
}

function buildProbe(): string {
  const source = join(import.meta.dir, 'probe.c');
  const output = join(tmpdir(), `gantry-probe-${Math.trunc(statSync(source).mtimeMs)}`);
  if (existsSync(output)) return output;
  const headers = ['-idirafter', '/usr/include', '-idirafter', '/usr/include/x86_64-linux-gnu'];
  const temporary = `${output}.${process.pid}`;
  const built = Bun.spawnSync(['musl-gcc', '-O1', '-static', '-D_GNU_SOURCE', ...headers, '-o', temporary, source], {
    stderr: 'pipe',
  });
  if (built.exitCode !== 0) throw new Error(`cannot build the probe: ${built.stderr}`);
  renameSync(temporary, output);
  return output;
}
