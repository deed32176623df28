import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BunPlugin } from 'bun';
import { ensurePrograms } from './bootstrap.ts';
import { listRepositoryFiles, repositoryRoot } from './repository.ts';

/**
 * `npm run build`: makes `dist/gantry`, one executable that holds Bun, all TypeScript and the static C program.
 *
 * Bytecode saves the parsing of the daemon's code at each start of the CLI. It must be ESM: in Bun's CommonJS bytecode
 * `import.meta.url` is the path of the source on the machine that built it.
 */
const entry = 'packages/main/src/main.ts';
/**
 * How much later than usual code is compiled to machine code. A command line that ends after 20 ms pays for compilation
 * and never gains by it: 9 ms of CPU for its start instead of 19. The daemon sets it back to 1.
 */
const jitPolicy = 100;
const outputPath = join(repositoryRoot, 'dist/gantry');

/**
 * Inside the executable a worker is known by its path from the repository root, and `import.meta.url` is that of the
 * executable, so the form that works in a checkout, `new URL('./x-worker.ts', import.meta.url)`, is rewritten here.
 */
const workerPaths: BunPlugin = {
  name: 'worker-paths',
  setup(build) {
    build.onLoad({ filter: /\/packages\/.*\.ts$/ }, async ({ path }) => {
      const text = await Bun.file(path).text();
      const contents = text.replace(
        /new URL\(\s*(['"])(\.[^'"]*-worker\.ts)\1\s*,\s*import\.meta\.url\s*\)(\.href)?/g,
        (_form, _quote: string, worker: string) => JSON.stringify(`./${rootPath(join(dirname(path), worker))}`),
      );
      return { contents, loader: 'ts' };
    });
  },
};

function rootPath(path: string): string {
  return path.slice(repositoryRoot.length + 1);
}

async function buildNative(): Promise<void> {
  const script = join(repositoryRoot, 'packages/native/build.ts');
  if (!existsSync(script)) return;
  const built = Bun.spawnSync([process.execPath, script], {
    cwd: repositoryRoot,
    stdout: 'inherit',
    stderr: 'inherit',
  });
  if (built.exitCode !== 0) throw new Error('cannot build the native program: see above');
}

async function buildExecutable(): Promise<void> {
  const workers = listRepositoryFiles().filter((path) => /^packages\/.*-worker\.ts$/.test(path));
  mkdirSync(dirname(outputPath), { recursive: true });
  const directory = mkdtempSync(`${outputPath}.tmp-`);
  const temporaryPath = join(directory, 'gantry');
  const result = await Bun.build({
    entrypoints: [entry, ...workers].map((path) => join(repositoryRoot, path)),
    root: repositoryRoot,
    compile: {
      outfile: temporaryPath,
      jitPolicy,
      // SAFETY: Bun would take environment variables and preloaded code from files in whatever directory a user runs
      // `gantry` in.
      autoloadBunfig: false,
      autoloadDotenv: false,
    },
    target: 'bun',
    format: 'esm',
    minify: true,
    bytecode: true,
    // The engine and the command line share chunks, and each start evaluates only its own.
    splitting: true,
    plugins: [workerPaths],
    throw: false,
  });
  if (!result.success) throw new AggregateError(result.logs, `cannot build "${entry}": ${result.logs.join('\n')}`);
  // Renamed into place: a running engine keeps the file that it was started from.
  renameSync(temporaryPath, outputPath);
  rmSync(directory, { recursive: true });
}

ensurePrograms('musl-gcc');
await buildNative();
await buildExecutable();
const megabytes = (statSync(outputPath).size / 1e6).toFixed(0);
process.stdout.write(`built dist/gantry (${megabytes} MB)\n`);
