import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { busyboxRootTar } from '../harness/busybox-image.ts';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { makeTar } from '../images/made-image.ts';

setDefaultTimeout(60_000);

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await docker(
    'run',
    '-d',
    '--name',
    'bystander',
    '-v',
    'data:/data',
    'busybox',
    'sh',
    '-c',
    'echo 1 >/own; sleep 1000',
  );
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const docker = (...argv: string[]): Promise<string> => engine.output('docker', argv);

/** The findings, without what only says how much is still on its way to the disk. */
async function fsck(...words: string[]): Promise<{ exitCode: number; lines: readonly string[] }> {
  const { exitCode, stdout, stderr } = await engine.run('gantry', ['system', 'fsck', ...words]);
  const lines = `${stdout}${stderr}`.trimEnd().split('\n');
  return { exitCode, lines: lines.filter((line) => !line.includes('not on the disk for good yet')) };
}

const below = (...path: string[]): string => join(engine.dataRoot, ...path);
const namesIn = (...path: string[]): ReadonlySet<string> => new Set(readdirSync(below(...path)));

/** Imports an image of one small file. @returns host paths of its blob and of its layer */
async function importSmall(name: string): Promise<{ blob: string; layer: string }> {
  const [blobs, layers] = [namesIn('blobs', 'sha256'), namesIn('layers')];
  const tar = join(engine.root, `${name}.tar`);
  writeFileSync(tar, makeTar([{ kind: 'file', path: 'file', text: `of ${name}\n` }]));
  await docker('import', tar, name);
  const added = (path: string[], before: ReadonlySet<string>): string =>
    below(...path, [...namesIn(...path)].find((entry) => !before.has(entry)) ?? '');
  return { blob: added(['blobs', 'sha256'], blobs), layer: added(['layers'], layers) };
}

test('a sound engine has no findings, with every byte read too', async () => {
  for (const words of [[], ['--verify'], ['--repair', '--verify']]) {
    expect(await fsck(...words)).toEqual({
      exitCode: 0,
      lines: ['1 blob, 1 layer, 1 image, 1 container, 1 volume: nothing is wrong'],
    });
  }
});

test('what is on its way in or out is no finding', async () => {
  const tar = await busyboxRootTar();
  const busy = async (): Promise<void> => {
    for (let round = 0; round < 3; round++) {
      await docker('import', '-c', `ENV ROUND=${round}`, tar, 'passing');
      await importSmall(`passing-${round}`);
      await docker('run', '--rm', '-v', '/anonymous', 'busybox', 'sh', '-c', 'mkdir -p /a/b/c; echo >/a/b/c/d');
      await docker('rmi', 'passing', `passing-${round}`);
    }
  };
  let isOver = false;
  const work = busy().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const response = await engine.api('GET', '/system/fsck?verify=1');
    const report: { Findings: readonly unknown[] } = JSON.parse(await response.text());
    expect(report.Findings).toEqual([]);
  }
  await work;
});

test('a blob or layer that is damaged is found, and a repair takes it and its image, and nothing else', async () => {
  const missing = await importSmall('missing');
  const short = await importSmall('short');
  const changed = await importSmall('changed');
  const hollow = await importSmall('hollow');
  rmSync(missing.blob);
  truncateSync(short.blob, 100);
  const bytes = readFileSync(changed.blob);
  bytes[600] = 0x7a;
  writeFileSync(changed.blob, bytes);
  rmSync(hollow.layer, { recursive: true });
  const withoutVerify = await fsck();
  expect(withoutVerify.exitCode).toBe(1);
  const text = withoutVerify.lines.join('\n');
  expect(text).toContain(`its file is missing (${missing.blob})`);
  expect(text).toContain(`its file has 100 bytes instead of 2048 (${short.blob})`);
  expect(text).toContain(`its directory is missing (${hollow.layer}/fs)`);
  expect(text).toContain(
    'to mend it: gantry system fsck --repair removes it and image hollow:latest (load, import or build it again',
  );
  expect(text).not.toContain(changed.blob);
  expect((await fsck('--verify')).lines.join('\n')).toContain('its bytes have the digest sha256:');
  expect(await docker('image', 'ls', '-q', '--filter', 'reference=missing')).not.toBe('');

  const repaired = await fsck('--repair', '--verify');
  expect(repaired.exitCode).toBe(0);
  expect(repaired.lines.filter((line) => line === '  repaired').length).toBe(4);
  expect((await fsck('--verify')).lines).toEqual(['1 blob, 1 layer, 1 image, 1 container, 1 volume: nothing is wrong']);
  expect(await docker('exec', 'bystander', 'cat', '/own')).toBe('1');
});

test('a layer under a running container is left to it', async () => {
  const [upper = ''] = [...namesIn('layers')].filter((name) => existsSync(below('layers', name, 'fs', 'own')));
  const [layer = ''] = [...namesIn('layers')].filter((name) => ![upper, 'empty'].includes(name));
  const extra = below('layers', layer, 'fs', 'extra');
  writeFileSync(extra, 'nobody knows');
  const { lines } = await fsck('--verify', '--repair');
  expect(lines[0]).toContain('its files have ');
  expect(lines[1]).toBe('  to mend it: first stop container bystander, which runs on it');
  rmSync(extra);
  expect((await fsck('--verify')).exitCode).toBe(0);
});

test('bytes that come again replace damaged ones', async () => {
  const { blob } = await importSmall('mended');
  truncateSync(blob, 7);
  await importSmall('mended');
  expect((await fsck('--verify')).lines.at(-1)).toEndWith('nothing is wrong');
  await docker('rmi', '-f', ...(await docker('images', '-q', '--filter', 'reference=mended')).split('\n'));
  await docker('image', 'prune', '-f');
});

test('files that no row owns go with a repair; what may be data only by its name; what is not ours never', async () => {
  const strays = [below('blobs', 'sha256', 'a'.repeat(64)), below('ingest', 'left'), below('layers', 'leftover', 'fs')];
  const data = [below('volumes', 'lost', '_data'), below('layers', 'upperdir', 'work'), below('containers', 'c0ffee')];
  for (const path of [...strays.slice(2), ...data]) mkdirSync(path, { recursive: true });
  for (const path of strays.slice(0, 2)) writeFileSync(path, 'stray');
  writeFileSync(below('notes.txt'), 'mine');

  expect((await fsck()).lines.filter((line) => !line.startsWith('  ')).length).toBe(8);
  expect((await fsck('--repair')).exitCode).toBe(1);
  expect(strays.map(existsSync)).toEqual([false, false, false]);
  expect(data.map(existsSync)).toEqual([true, true, true]);
  expect((await fsck('lost')).lines).toEqual(['names say what --repair may remove: give --repair too']);
  expect(await fsck('--repair', 'data')).toEqual({
    exitCode: 1,
    lines: [
      'Error response from daemon: cannot repair "data": no finding about a container\'s or a volume\'s data has it',
    ],
  });
  await fsck('--repair', 'lost', 'upperdir', 'c0ffee');
  expect(data.map(existsSync)).toEqual([false, false, false]);
  expect((await fsck('--repair')).lines).toEqual([
    `file ${below('notes.txt')}: the engine has no such file`,
    '  to mend it: look at it, and move it away',
    '1 blob, 1 layer, 1 image, 1 container, 1 volume: 1 finding, 0 repaired',
  ]);
  rmSync(below('notes.txt'));
});

test('a container or volume whose files are gone is named, and goes only by its name', async () => {
  const before = namesIn('layers');
  await docker('run', '--name', 'emptied', 'busybox', 'true');
  await docker('volume', 'create', 'gone');
  rmSync(below('volumes', 'gone'), { recursive: true });
  const upper = [...namesIn('layers')].find((name) => !before.has(name)) ?? '';
  rmSync(below('layers', upper), { recursive: true });
  const { lines } = await fsck('--repair');
  expect(lines).toContain(`volume gone: its directory is missing (${below('volumes', 'gone', '_data')})`);
  expect(lines.some((line) => line.startsWith('container emptied: what it wrote is not there any more'))).toBe(true);
  expect((await fsck('--repair', 'gone', 'emptied')).exitCode).toBe(0);
  expect((await fsck()).exitCode).toBe(0);
});
