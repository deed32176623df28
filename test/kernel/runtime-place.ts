import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeMount } from '@gantry/oci';
import { defaultSpec } from '@gantry/runtime';
import { makeRootfs } from './rootfs.ts';

export type Outcome = { readonly out: string; readonly err: string; readonly code: number };

export type BundleExtra = { readonly terminal?: boolean; readonly mounts?: readonly RuntimeMount[] };

/** A root for `gantry runtime` with bundles to run, as a program sees it. */
export type RuntimePlace = {
  readonly directory: string;
  readonly root: string;
  bundle(args: readonly string[], extra?: BundleExtra): string;
  /** The cgroup of the bundle made last, in a parent of this place. */
  cgroupName(): string;
  gantry(words: readonly string[], input?: string): Outcome;
  /** The words that start the program on this root. */
  command(words: readonly string[]): string[];
  /** @returns what is left of containers: nothing, when the test took them away */
  close(): string[];
};

const program = join(import.meta.dir, '../../packages/main/src/main.ts');

export function openRuntimePlace(): RuntimePlace {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-runtime-test-'));
  const root = join(directory, 'root');
  const rootfs = makeRootfs();
  let count = 0;
  const cgroupParent = `gantry-test-${directory.slice(-6)}`;
  const cgroupName = (): string => `${cgroupParent}/${count}`;
  const command = (words: readonly string[]): string[] => [
    process.execPath,
    program,
    'runtime',
    '--root',
    root,
    ...words,
  ];
  const gantry = (words: readonly string[], input = ''): Outcome => {
    const done = Bun.spawnSync(command(words), { stdin: Buffer.from(input), stdout: 'pipe', stderr: 'pipe' });
    return { out: done.stdout.toString(), err: done.stderr.toString(), code: done.exitCode };
  };
  return {
    directory,
    root,
    cgroupName,
    command,
    bundle: (args, { terminal = false, mounts = [] } = {}) => {
      const bundle = mkdtempSync(join(directory, 'bundle-'));
      count++;
      const spec = defaultSpec();
      const config = {
        ...spec,
        root: { path: rootfs, readonly: true },
        process: { ...spec.process, args, env: ['PATH=/bin'], terminal },
        mounts: [...(spec.mounts ?? []), ...mounts],
        linux: { ...spec.linux, cgroupsPath: `/${cgroupName()}` },
      };
      writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
      return bundle;
    },
    gantry,
    close: () => {
      const left = existsSync(root) ? readdirSync(root) : [];
      // A test that failed half-way: nothing of it may stay on the host.
      for (const id of left) gantry(['delete', '-f', id]);
      for (const hierarchy of readdirSync('/sys/fs/cgroup')) {
        const parent = join('/sys/fs/cgroup', hierarchy, cgroupParent);
        if (existsSync(parent)) rmdirSync(parent);
      }
      rmSync(directory, { recursive: true });
      rmSync(rootfs, { recursive: true });
      return left;
    },
  };
}
