import { expect, test } from 'bun:test';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';
import { openSmallDisk } from '../images/small-disk.ts';

/** Writes until nothing more fits. @returns how room is made again */
function fill(directory: string): () => void {
  const path = join(directory, 'ballast');
  const fd = openSync(path, 'w');
  try {
    for (;;) writeSync(fd, Buffer.alloc(65536));
  } catch {
    // Full, which was the aim.
  }
  closeSync(fd);
  return () => rmSync(path);
}

test('an exit on a full disk is booked when there is room again, and health is watched on', async () => {
  using disk = openSmallDisk(64 * 2 ** 20);
  // Its log lies on that disk too.
  await using engine = await startEngine({ parent: disk.path, execParent: tmpdir() });
  const docker = (...words: string[]): Promise<string> => engine.output('docker', words);
  const run = (...words: string[]): Promise<string> => docker('run', '-d', '--network', 'none', ...words);
  const probed = ['--health-cmd', 'true', '--health-interval', '50ms'];
  const [ending, watched] = [await run('busybox', 'sleep', '600'), await run(...probed, 'busybox', 'sleep', '600')];
  const pid = Number(await docker('inspect', '-f', '{{.State.Pid}}', ending));
  const lastProbe = (): Promise<string> => docker('inspect', '-f', '{{json .State.Health.Log}}', watched);
  await waitFor('it is healthy', async () => (await lastProbe()) !== '[]');

  const makeRoom = fill(disk.path);
  try {
    const refused = await engine.run('docker', ['create', '--label', `big=${'x'.repeat(60_000)}`, 'busybox', 'true']);
    expect(refused.stderr).toContain('full');
    process.kill(pid, 'SIGKILL');
    await waitFor('it is gone', async () => (await engine.run('docker', ['top', ending])).exitCode !== 0);
  } finally {
    makeRoom();
  }
  const state = (): Promise<string> => docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', ending);
  await waitFor('its exit is booked', async () => (await state()) === 'exited 137');
  const before = await lastProbe();
  await waitFor('the other one is probed again', async () => (await lastProbe()) !== before);
  await docker('rm', ending);
}, 60_000);
