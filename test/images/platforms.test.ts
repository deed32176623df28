import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { busyboxRootTar } from '../harness/busybox-image.ts';
import { type CommandResult, commandOutput } from '../harness/command.ts';
import { type ClientName, startEngine, type TestEngine } from '../harness/engine.ts';
import { startRegistry, type TestRegistry } from '../registry/registry-server.ts';
import type { MadeImage } from './made-image.ts';
import {
  artifactOf,
  attestationEntry,
  attestationOf,
  imageEntry,
  platformImage,
  pushIndex,
} from './platform-images.ts';

/** A loaded machine makes a test slow, not wrong. */
setDefaultTimeout(60_000);

let engine: TestEngine;
let registry: TestRegistry;
let base: Uint8Array;
let host: string;
const clients: readonly ClientName[] = ['docker', 'gantry'];
const mine = process.arch === 'x64' ? 'amd64' : process.arch;
const theirs = mine === 'amd64' ? 'arm64' : 'amd64';

beforeAll(async () => {
  registry = await startRegistry();
  engine = await startEngine({ busybox: false });
  base = readFileSync(await busyboxRootTar());
  host = new URL(registry.url()).host;
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

type Two = { readonly name: string; readonly digest: string; readonly own: MadeImage; readonly other: MadeImage };

/** An index of this machine's platform and another one, in a repository of its own. */
async function twoPlatforms(repository: string): Promise<Two> {
  const [own, other] = [platformImage(mine, `${repository} ${mine}`, base), platformImage(theirs, repository, base)];
  const entries = [imageEntry(own, mine), imageEntry(other, theirs)];
  const { digest } = await pushIndex(`http://${host}/v2/${repository}`, 'latest', entries);
  return { name: `${host}/${repository}`, digest, own, other };
}

async function pullBoth(client: ClientName, name: string): Promise<void> {
  await engine.output(client, ['pull', '-q', name]);
  await engine.output(client, ['pull', '-q', '--platform', `linux/${theirs}`, name]);
}

async function digestOf(repository: string, tag = 'latest'): Promise<string | null> {
  const answer = await registry.request('HEAD', `/v2/${repository}/manifests/${tag}`);
  return answer.headers.get('docker-content-digest');
}

async function imagesOf(query: string): Promise<readonly Record<string, unknown>[]> {
  const answer = await engine.api('GET', `/images/json?${query}`);
  return (await answer.json()) as Record<string, unknown>[];
}

test.each(clients)('%s keeps both platforms under one name, and shows either', async (client) => {
  const { name, digest, own, other } = await twoPlatforms(`both-${client}`);
  await pullBoth(client, name);
  expect(await engine.output(client, ['images', '-q', '--no-trunc', name])).toBe(own.config.digest);
  const inspect = (...argv: string[]): Promise<string> =>
    engine.output(client, [
      'image',
      'inspect',
      ...argv,
      '-f',
      '{{.Architecture}} {{.RepoTags}} {{.RepoDigests}}',
      name,
    ]);
  const names = `[${name}:latest] [${name}@${digest}]`;
  expect(await inspect()).toBe(`${mine} ${names}`);
  expect(await inspect('--platform', `linux/${theirs}`)).toBe(`${theirs} ${names}`);
  expect(await engine.output(client, ['history', '-q', '--platform', `linux/${theirs}`, name])).toBe('');
  const refused = await engine.run(client, ['image', 'inspect', '--platform', 'linux/s390x', name]);
  expect(refused.stderr).toContain(
    `image with reference ${name} was found but does not provide the specified platform (linux/s390x)`,
  );
  const tree = await engine.output(client, ['images', '--tree', name]);
  expect(tree).toMatch(new RegExp(`^${host}.* +${own.config.digest.slice(7, 19)}`, 'm'));
  expect(tree).toMatch(new RegExp(`├─ linux/${mine} +${own.manifest.digest.slice(7, 19)}`));
  expect(tree).toMatch(new RegExp(`└─ linux/${theirs} +${other.manifest.digest.slice(7, 19)}`));
  expect(await engine.output(client, ['inspect', '-f', '{{.Id}}', other.manifest.digest])).toBe(other.config.digest);
});

test('a list and a document tell of every manifest, and old clients of none', async () => {
  const { name, digest, own, other } = await twoPlatforms('listed');
  await engine.output('docker', ['pull', '-q', name]);
  const reference = `filters=${encodeURIComponent(JSON.stringify({ reference: [name] }))}`;
  const [row] = await imagesOf(`manifests=1&${reference}`);
  expect(row).toMatchObject({
    Id: own.config.digest,
    Descriptor: { mediaType: 'application/vnd.oci.image.index.v1+json', digest },
    Manifests: [
      { ID: own.manifest.digest, Available: true, Kind: 'image', ImageData: { Platform: { architecture: mine } } },
      { ID: other.manifest.digest, Available: false, Size: { Content: 0, Total: 0 } },
    ],
  });
  const document = async (path: string): Promise<Record<string, unknown>> =>
    (await (await engine.api('GET', path)).json()) as Record<string, unknown>;
  const members = ['Descriptor', 'Manifests'];
  const shown = async (path: string): Promise<readonly string[]> =>
    Object.keys(await document(path)).filter((member) => members.includes(member));
  expect(await shown(`/v1.51/images/${name}/json?manifests=1`)).toEqual(members);
  expect(await shown(`/v1.47/images/${name}/json?manifests=1`)).toEqual([]);
  const platform = encodeURIComponent(JSON.stringify({ os: 'linux', architecture: theirs }));
  expect(await document(`/v1.48/images/${name}/json?platform=${platform}`)).toMatchObject({ Architecture: mine });
  expect(await document(`/images/${name}/json?manifests=1&platform=${platform}`)).toEqual({
    message: 'conflicting options: manifests and platform options cannot both be set',
  });
});

test.each(clients)(
  '%s runs the platform that is asked for, pulls it when it is not here, and says what fits',
  async (client) => {
    const { name, other } = await twoPlatforms(`run-${client}`);
    await engine.output(client, ['pull', '-q', name]);
    expect(await engine.output(client, ['run', '--rm', name])).toBe(`run-${client} ${mine}`);
    const pulled = await engine.run(client, ['run', '--name', client, '--platform', `linux/${theirs}`, name]);
    expect(pulled).toMatchObject({ exitCode: 0, stdout: `run-${client}` });
    expect(pulled.stderr).toContain(`Unable to find image '${name}:latest' locally`);
    const inspect = ['inspect', '-f', '{{.Image}} {{.ImageManifestDescriptor.digest}}', client];
    expect(await engine.output(client, inspect)).toBe(`${other.config.digest} ${other.manifest.digest}`);
    expect(await engine.output(client, ['ps', '-a', '--format', '{{.Image}}', '--filter', `ancestor=${name}`])).toBe(
      name,
    );
    // Now only the other one is here: it is what the name means.
    await engine.output(client, ['rmi', '-f', '--platform', `linux/${mine}`, name]);
    const warned = await engine.run(client, ['run', '--rm', name]);
    expect(warned.stdout).toBe(`run-${client}`);
    expect(warned.stderr).toMatch(
      new RegExp(
        `WARNING: The requested image's platform \\(linux/${theirs}\\) does not match the detected host platform \\(linux/${mine}.*\\) and no specific platform was requested`,
      ),
    );
    const missing = await engine.run(client, ['run', '--rm', '--platform', 'linux/s390x', name]);
    expect(missing.stderr).toContain('no matching manifest for linux/s390x in the manifest list entries');
    await engine.output(client, ['rm', client]);
  },
);

test.each(clients)(
  '%s sends an index as it came when all of it is here, and else the platform that is',
  async (client) => {
    const [own, other] = [platformImage(mine, `${client} own`, base), platformImage(theirs, `${client} other`, base)];
    const attested = attestationOf(own);
    const artifact = artifactOf('application/vnd.example.sbom', own.manifest);
    const source = `from-${client}`;
    const { digest } = await pushIndex(`http://${host}/v2/${source}`, 'latest', [
      imageEntry(own, mine),
      imageEntry(other, theirs),
      attestationEntry(attested, own),
      { document: artifact, artifactType: 'application/vnd.example.sbom' },
    ]);
    const [name, copy] = [`${host}/${source}`, `${host}/to-${client}`];
    await engine.output(client, ['pull', '-q', name]);
    await engine.output(client, ['tag', name, copy]);
    const partly = await engine.run(client, ['push', copy]);
    expect(partly.stdout).toContain(`latest: digest: ${own.manifest.digest} size: ${own.manifest.bytes.length}`);
    expect(partly.stdout).toContain(
      'Not all multiplatform-content is present and only the available single-platform image was pushed',
    );
    expect(await digestOf(`to-${client}`)).toBe(own.manifest.digest);
    await engine.output(client, ['pull', '-q', '--platform', `linux/${theirs}`, name]);
    const whole = await engine.output(client, ['push', copy]);
    expect(whole).toMatch(new RegExp(`: Mounted from ${source}\\n`));
    expect(whole).toContain(`latest: digest: ${digest} size: `);
    expect(await digestOf(`to-${client}`)).toBe(digest);
    for (const { manifest } of [attested, artifact])
      expect(await digestOf(`to-${client}`, manifest.digest)).toBe(manifest.digest);
    const referrers = await registry.request('GET', `/v2/to-${client}/referrers/${own.manifest.digest}`);
    expect(await referrers.json()).toMatchObject({ manifests: [{ digest: artifact.manifest.digest }] });
    const one = await engine.output(client, ['push', '--platform', `linux/${theirs}`, copy]);
    expect(one).toContain(`latest: digest: ${other.manifest.digest}`);
    const refused = await engine.run(client, ['push', '--platform', 'linux/s390x', copy]);
    expect(refused.stderr).toContain('was found but does not provide the specified platform (linux/s390x)');
    // Attestations go with the image that they are of.
    await engine.output(client, ['rmi', name, copy]);
  },
);

test('what is pushed whole is whole for who pulls it there, from a registry that never saw its blobs', async () => {
  await using second = await startRegistry();
  const { name, digest, own, other } = await twoPlatforms('moves');
  await pullBoth('docker', name);
  const there = `${new URL(second.url()).host}/moved/app`;
  await engine.output('docker', ['tag', name, there]);
  await engine.output('docker', ['push', there]);
  await engine.output('docker', ['rmi', name, there]);
  const pulled = await engine.output('docker', ['pull', '--platform', `linux/${theirs}`, there]);
  expect(pulled).toContain(`Digest: ${digest}`);
  expect(await engine.output('docker', ['images', '-q', '--no-trunc', there])).toBe(other.config.digest);
  await engine.output('docker', ['pull', '-q', there]);
  expect(await engine.output('docker', ['images', '-q', '--no-trunc', there])).toBe(own.config.digest);
});

test.each(clients)('%s removes one platform, or all with the last name', async (client) => {
  const { name, digest, own, other } = await twoPlatforms(`gone-${client}`);
  await pullBoth(client, name);
  const remove = (...argv: string[]) => engine.run(client, ['rmi', ...argv]);
  const unforced = await remove('--platform', `linux/${theirs}`, name);
  expect(unforced.stderr).toContain('Content will be removed from all images referencing this variant.');
  const absent = await remove('-f', '--platform', 'linux/s390x', name);
  expect(absent.stderr).toContain('does not provide the specified platform (linux/s390x)');
  const container = await engine.output(client, ['run', '-d', '--platform', `linux/${theirs}`, name, 'sleep', '1000']);
  const used = await remove('-f', '--platform', `linux/${theirs}`, name);
  expect(used.stderr).toContain(`image is being used by running container ${container.slice(0, 12)}`);
  expect((await remove(name)).stderr).toContain(`container ${container.slice(0, 12)} is using its referenced image`);
  await engine.output(client, ['rm', '-f', container]);
  expect((await remove('-f', '--platform', `linux/${theirs}`, name)).stdout).toMatch(
    new RegExp(`^Deleted: ${other.config.digest}\nDeleted: sha256:[0-9a-f]{64}\n$`),
  );
  expect(await engine.output(client, ['images', '-q', '--no-trunc', name])).toBe(own.config.digest);
  await pullBoth(client, name);
  const all = (await remove(name)).stdout.split('\n');
  expect(all.slice(0, 2)).toEqual([`Untagged: ${name}:latest`, `Untagged: ${name}@${digest}`]);
  for (const image of [own, other]) expect(all).toContain(`Deleted: ${image.config.digest}`);
  // By ID: what a list shows takes the other platforms along.
  await pullBoth(client, name);
  expect((await remove(own.config.digest)).stdout).toContain(`Deleted: ${other.config.digest}`);
  expect(await engine.output(client, ['images', '-aq', name])).toBe('');
});

test('a name that moves on leaves both platforms without a name, and a prune takes them', async () => {
  const { name, own, other } = await twoPlatforms('dangling');
  await pullBoth('docker', name);
  await engine.output('docker', ['tag', `${name}:latest`, `${name}:old`]);
  await engine.output('docker', ['import', '-', name], { stdin: base });
  expect(await engine.output('docker', ['images', '-q', '--no-trunc', `${name}:old`])).toBe(own.config.digest);
  await engine.output('docker', ['import', '-', `${name}:old`], { stdin: base });
  const dangling = await engine.output('docker', ['images', '-q', '--no-trunc', '--filter', 'dangling=true']);
  expect(dangling).toContain(own.config.digest);
  expect(dangling).not.toContain(other.config.digest);
  const plan = await engine.output('gantry', ['image', 'prune', '--dry-run']);
  const pruned = await engine.output('docker', ['image', 'prune', '-f']);
  for (const image of [own, other]) {
    expect(plan.toLowerCase()).toContain(`deleted: ${image.config.digest}`);
    expect(pruned).toContain(`deleted: ${image.config.digest}`);
  }
});

test.each(clients)('%s saves all platforms of a name or one, and loads them as they were', async (client) => {
  const { name, digest, own, other } = await twoPlatforms(`saved-${client}`);
  await pullBoth(client, name);
  const archive = join(engine.root, `${client}.tar`);
  await engine.output(client, ['save', '-o', archive, name]);
  const single = join(engine.root, `${client}-one.tar`);
  await engine.output(client, ['save', '--platform', `linux/${theirs}`, '-o', single, name]);
  const refused = await engine.run(client, ['save', '--platform', 'linux/s390x', '-o', join(engine.root, 'no'), name]);
  expect(refused.stderr).toContain('no suitable export target found: image with reference');
  await engine.output(client, ['rmi', name]);
  expect(await engine.output(client, ['load', '-i', archive])).toBe(`Loaded image: ${name}:latest`);
  const ids = ['inspect', '-f', '{{.Id}} {{.Descriptor.digest}}'];
  expect(await engine.output(client, ['image', ...ids, name])).toBe(`${own.config.digest} ${digest}`);
  const forTheirs = ['image', 'inspect', '--platform', `linux/${theirs}`, '-f', '{{.Id}}', name];
  expect(await engine.output(client, forTheirs)).toBe(other.config.digest);
  await engine.output(client, ['tag', name, `${host}/again-${client}`]);
  expect(await engine.output(client, ['push', `${host}/again-${client}`])).toContain(`digest: ${digest}`);
  await engine.output(client, ['rmi', name, `${host}/again-${client}`]);
  await engine.output(client, ['load', '--platform', `linux/${theirs}`, '-i', archive]);
  expect(await engine.output(client, ['images', '-q', '--no-trunc', name])).toBe(other.config.digest);
  await engine.output(client, ['rmi', name]);
  await engine.output(client, ['load', '-i', single]);
  expect(await engine.output(client, ['images', '-q', '--no-trunc', name])).toBe(other.config.digest);
  const none = await engine.run(client, ['load', '--platform', 'linux/s390x', '-i', archive]);
  expect(none.stderr).toContain('it has no image for platform linux/s390x');
  await engine.output(client, ['rmi', name]);
});

test('what was attested of an image goes with it through an archive, and what the registry lost is done without', async () => {
  const [own, other] = [platformImage(mine, 'attested own', base), platformImage(theirs, 'attested other', base)];
  const [ofOwn, ofOther] = [attestationOf(own), attestationOf(other)];
  const { digest } = await pushIndex(`http://${host}/v2/attested`, 'latest', [
    imageEntry(own, mine),
    imageEntry(other, theirs),
    attestationEntry(ofOwn, own),
    attestationEntry(ofOther, other),
  ]);
  const name = `${host}/attested`;
  await pullBoth('docker', name);
  const archive = join(engine.root, 'attested.tar');
  await engine.output('docker', ['save', '-o', archive, name]);
  await engine.output('docker', ['rmi', name]);
  await engine.output('docker', ['load', '-i', archive]);
  await engine.output('docker', ['tag', name, `${host}/attested-again`]);
  expect(await engine.output('docker', ['push', `${host}/attested-again`])).toContain(`latest: digest: ${digest}`);
  await engine.output('docker', ['rmi', name, `${host}/attested-again`]);
  const lost = `/v2/attested/manifests/${ofOwn.manifest.digest}`;
  expect((await registry.request('DELETE', lost)).status).toBe(202);
  await pullBoth('docker', name);
  await engine.output('docker', ['tag', name, `${host}/less`]);
  expect(await engine.output('docker', ['push', `${host}/less`])).toContain(`latest: digest: ${own.manifest.digest}`);
  await engine.output('docker', ['rmi', name, `${host}/less`]);
});

test('of an index that is not whole in an archive only what is whole is loaded', async () => {
  const { name, own, other } = await twoPlatforms('torn');
  await pullBoth('docker', name);
  const archive = join(engine.root, 'torn.tar');
  await engine.output('docker', ['save', '-o', archive, name]);
  await engine.output('docker', ['rmi', name]);
  const without = async (...digests: readonly string[]): Promise<CommandResult> => {
    const [torn, files] = [`${archive}.torn`, mkdtempSync(join(engine.root, 'torn-'))];
    await commandOutput(['tar', '-xf', archive, '-C', files]);
    for (const digest of digests) rmSync(join(files, 'blobs/sha256', digest.slice('sha256:'.length)));
    await commandOutput(['tar', '-cf', torn, '-C', files, '.']);
    return await engine.run('docker', ['load', '-i', torn]);
  };
  const ownLayer = own.layers[1]?.digest ?? '';
  expect(await without(ownLayer)).toMatchObject({ stdout: `Loaded image: ${name}:latest\n`, stderr: '' });
  expect(await engine.output('docker', ['images', '-q', '--no-trunc', name])).toBe(other.config.digest);
  await engine.output('docker', ['rmi', name]);
  const nothing = await without(ownLayer, other.config.digest);
  expect(nothing.stderr).toContain('no image of its index is in it whole');
});

test('a plan to remove a platform is what its removal answers', async () => {
  const { name } = await twoPlatforms('planned');
  await pullBoth('docker', name);
  const platforms = encodeURIComponent(JSON.stringify({ os: 'linux', architecture: theirs }));
  const path = `/images/${name}?force=1&platforms=${platforms}`;
  const plan = (await (await engine.api('DELETE', `${path}&plan=1`)).json()) as { Removed: unknown };
  expect(Object.values(plan)).toContainEqual(await (await engine.api('DELETE', path)).json());
  const twice = await engine.output('gantry', ['rmi', '--dry-run', name, name]).catch(String);
  expect(twice).toContain('No such image');
  await engine.output('docker', ['rmi', name]);
});

test('when one platform is damaged, its name goes on to mean the other', async () => {
  const { name, own, other } = await twoPlatforms('damaged');
  await pullBoth('docker', name);
  const [, layer] = own.layers;
  rmSync(join(engine.dataRoot, 'blobs/sha256', layer?.digest.slice('sha256:'.length) ?? ''));
  await engine.output('gantry', ['system', 'fsck', '--repair']);
  expect(await engine.output('docker', ['images', '-q', '--no-trunc', name])).toBe(other.config.digest);
  await engine.output('docker', ['pull', '-q', name]);
  expect(await engine.output('docker', ['images', '-q', '--no-trunc', name])).toBe(own.config.digest);
  await engine.output('docker', ['rmi', name]);
});

test.each(clients)('%s gets a layer again whose tree only a container kept', async (client) => {
  const { name, own } = await twoPlatforms(`again-${client}`);
  const archive = join(engine.root, `again-${client}.tar`);
  await engine.output(client, ['pull', '-q', name]);
  await engine.output(client, ['create', '--name', `kept-${client}`, name]);
  await engine.output(client, ['save', '-o', archive, name]);
  for (const get of [
    ['pull', '-q', name],
    ['load', '-i', archive],
  ]) {
    await engine.output(client, ['rmi', '-f', name]);
    await engine.output(client, get);
    await engine.output(client, ['save', '-o', `${archive}.2`, name]);
    await engine.output(client, ['tag', name, `${host}/sent-again-${client}`]);
    const pushed = await engine.output(client, ['push', `${host}/sent-again-${client}`]);
    expect(pushed).toContain('latest: digest: ');
    await engine.output(client, ['rmi', `${host}/sent-again-${client}`]);
  }
  expect(await engine.output(client, ['images', '-q', '--no-trunc', name])).toBe(own.config.digest);
  await engine.output(client, ['rm', `kept-${client}`]);
  expect(await engine.output('gantry', ['system', 'fsck', '--verify'])).toContain('nothing is wrong');
  await engine.output(client, ['rmi', name]);
});

test('people are told which platforms there are', async () => {
  const { name } = await twoPlatforms('told');
  await using pull = engine.terminal('gantry', ['pull', '--platform', 'linux/s390x', name]);
  await pull.expect('no matching manifest for linux/s390x in the manifest list entries');
  await pull.expect(`${name}:latest is there for linux/${mine}, linux/${theirs}`);
  const quiet = await engine.run('gantry', ['pull', '--platform', 'linux/s390x', name]);
  const told = `no matching manifest for linux/s390x in the manifest list entries: ${name}:latest is there for `;
  expect(quiet.stderr).toBe(`${told}linux/${mine}, linux/${theirs}\n`);
});

test('an artifact is refused in Docker’s words', async () => {
  const artifact = artifactOf('application/vnd.example.rocket');
  await pushIndex(`http://${host}/v2/rocket`, 'index', [{ document: artifact }]);
  const { digest } = artifact.manifest;
  const refused = await engine.run('docker', ['pull', `${host}/rocket@${digest}`]);
  expect(refused.stderr).toStartWith('unsupported media type application/vnd.oci.empty.v1+json: ');
});

test.each(clients)('%s push and pull take all tags, whatever each of them means', async (client) => {
  const { name, digest, own } = await twoPlatforms(`tags-${client}`);
  await pullBoth(client, name);
  const copy = `${host}/all-${client}`;
  await engine.output(client, ['tag', name, `${copy}:whole`]);
  await engine.output(client, ['tag', own.config.digest, `${copy}:one`]);
  const pushed = await engine.output(client, ['push', '--all-tags', '--disable-content-trust', copy]);
  expect(pushed).toContain(`whole: digest: ${digest}`);
  expect(pushed).toContain(`one: digest: ${own.manifest.digest}`);
  await engine.output(client, ['rmi', `${copy}:whole`, `${copy}:one`]);
  await engine.output(client, ['pull', '--all-tags', '--disable-content-trust', '-q', copy]);
  const tags = await engine.output(client, ['images', '--format', '{{.Tag}} {{.ID}}', '--no-trunc', copy]);
  expect(tags.split('\n').sort()).toEqual([`one ${own.config.digest}`, `whole ${own.config.digest}`]);
  await engine.output(client, ['rmi', `${copy}:whole`, `${copy}:one`]);
});

test('what is kept for several platforms is all that is on the disk', async () => {
  const { name } = await twoPlatforms('counted');
  await pullBoth('docker', name);
  expect(await engine.output('gantry', ['system', 'fsck', '--verify'])).toContain('nothing is wrong');
  const usage = await (await engine.api('GET', '/system/df')).json();
  const { Images } = usage as { Images: { RepoTags: string[]; Size: number; SharedSize: number }[] };
  expect(Images.filter(({ RepoTags }) => RepoTags.includes(`${name}:latest`)).length).toBe(1);
  await engine.output('docker', ['image', 'prune', '-af']);
  expect(await (await engine.api('GET', '/system/df')).json()).toMatchObject({ LayersSize: 0, Images: [] });
  expect(await engine.output('gantry', ['system', 'fsck'])).toContain('0 blobs, 0 layers, 0 images');
});
