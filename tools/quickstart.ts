import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrograms } from './bootstrap.ts';
import { debianLayer } from './debian-image.ts';
import { repositoryRoot } from './repository.ts';
import { uploadImage } from './upload-image.ts';

/**
 * `npm run quickstart`: from a checkout to a web server in a container, each step shown as the command that a user would
 * type. It may be run again: what was made is kept, and the container is replaced.
 */

const gantry = join(repositoryRoot, 'dist/gantry');
const container = 'quickstart-web';
const image = 'quickstart/debian:web';
const preferredPort = 8080;
/** Where the command line starts an engine when nobody names one. */
const engineHost = 'unix:///run/gantry/gantry.sock';
const startedAt = performance.now();

function say(text: string): void {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(5);
  process.stdout.write(`\n[${seconds} s] ${text}\n`);
}

/** Without DOCKER_HOST and the like: `gantry` shall find, or start, this machine's own engine. */
function localEnvironment(): NodeJS.ProcessEnv {
  const { DOCKER_HOST: _host, DOCKER_CONTEXT: _context, GANTRY_HOST: _gantryHost, ...environment } = process.env;
  return environment;
}

function show(...argv: readonly string[]): void {
  process.stdout.write(`$ gantry ${argv.join(' ')}\n`);
  const run = Bun.spawnSync([gantry, ...argv], {
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
    env: localEnvironment(),
  });
  if (run.exitCode !== 0) throw new Error(`gantry ${argv[0]} ended with exit code ${run.exitCode}`);
}

function quietly(...argv: readonly string[]): { ok: boolean; stdout: string; stderr: string } {
  const run = Bun.spawnSync([gantry, ...argv], { stdin: 'ignore', env: localEnvironment() });
  return { ok: run.exitCode === 0, stdout: run.stdout.toString().trim(), stderr: run.stderr.toString().trim() };
}

/** Our own, on a free port; it says on its first line where. Ends when disposed. */
async function startRegistry(directory: string): Promise<AsyncDisposable & { readonly host: string }> {
  mkdirSync(directory, { recursive: true });
  process.stdout.write(`$ gantry registry serve --data ${directory} --listen 127.0.0.1:0\n`);
  const child = Bun.spawn([gantry, 'registry', 'serve', '--data', directory, '--listen', '127.0.0.1:0'], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'ignore',
  });
  const stop = async (): Promise<void> => {
    child.kill();
    await child.exited;
  };
  for await (const bytes of child.stdout) {
    const address = new TextDecoder().decode(bytes).trim();
    return { host: new URL(address).host, [Symbol.asyncDispose]: stop };
  }
  throw new Error(`the registry ended before it listened, exit code ${await child.exited}`);
}

async function makeImage(): Promise<void> {
  say('a Debian base image, from the package mirror of this machine (kept for the next time)');
  const cache = join(repositoryRoot, 'dist/quickstart');
  const layer = await debianLayer(cache);
  say('a registry on loopback; the image goes there and comes back by pull');
  await using registry = await startRegistry(join(cache, 'registry'));
  const config = {
    Cmd: ['busybox', 'httpd', '-f', '-v', '-p', '80', '-h', '/srv/www'],
    Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
  };
  await uploadImage({ registry: registry.host, repository: 'debian', tag: 'web', layers: [layer], config });
  const remote = `${registry.host}/debian:web`;
  show('pull', remote);
  show('tag', remote, image);
  // The registry ends with this script, so its name for the image would be no use.
  quietly('rmi', remote);
}

/** Publishes the preferred port, or any free one when another program has it. @returns the page's address */
function startServer(): string {
  quietly('rm', '-f', container);
  const run = (port: string): ReturnType<typeof quietly> =>
    quietly('run', '-d', '--name', container, '-p', `127.0.0.1:${port}:80`, image);
  let started = run(String(preferredPort));
  if (!started.ok && started.stderr.includes('already')) {
    quietly('rm', '-f', container);
    started = run('');
  }
  if (!started.ok) throw new Error(started.stderr);
  const address = quietly('port', container, '80/tcp').stdout;
  process.stdout.write(`$ gantry run -d --name ${container} -p ${address}:80 ${image}\n${started.stdout}\n`);
  return `http://${address}/`;
}

async function fetchPage(url: string): Promise<string> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      const response = await fetch(url);
      if (response.ok) return await response.text();
    } catch (error) {
      // The server needs a moment to listen.
      if (performance.now() > deadline) throw new Error(`cannot fetch ${url}`, { cause: error });
    }
    await Bun.sleep(20);
  }
}

async function quickstart(): Promise<void> {
  say('building dist/gantry');
  ensurePrograms('musl-gcc');
  const build = Bun.spawnSync([process.execPath, join(import.meta.dirname, 'build.ts')], {
    cwd: repositoryRoot,
    stdout: 'inherit',
    stderr: 'inherit',
  });
  if (build.exitCode !== 0) throw new Error('the build failed');
  say('starting an engine: the command line does that when none listens');
  show('version', '--format', 'engine {{.Server.Version}}, API {{.Server.APIVersion}}');
  await makeImage();
  say('a web server in a container, with a published port');
  const url = startServer();
  process.stdout.write(`$ curl ${url}\n${await fetchPage(url)}`);
  say('what runs, what it wrote, what it uses');
  show('ps');
  show('logs', container);
  show('stats', '--no-stream', container);
  say('done');
  process.stdout.write(nextSteps(url));
}

function nextSteps(url: string): string {
  const steps = [
    [`gantry exec -it ${container} bash`, 'a shell inside it'],
    [`gantry run --rm -it ${image} bash`, 'a new container'],
    [`gantry logs -f ${container}`, 'follow its requests'],
    [`gantry rm -f ${container}`, 'end and remove it'],
    ['gantry --help', "everything else, in Docker's grammar"],
  ];
  const lines = steps.map(([command = '', what]) => `  ${command.padEnd(48)}${what}`);
  return `
The web server is still running: ${url}
The engine is, too. Things to try next:

  alias gantry=${gantry}
${lines.join('\n')}

The docker command line works with it too: export DOCKER_HOST=${engineHost}
`;
}

try {
  await quickstart();
} catch (error) {
  process.stderr.write(`quickstart: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
