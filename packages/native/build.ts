import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '@gantry/base';

const outputDirectory = join(import.meta.dir, 'build');
const sourceDirectory = join(import.meta.dir, 'c');
const initDirectory = join(import.meta.dir, 'init');

// The kernel's headers come last, so that musl's own are never shadowed by another libc's.
const kernelHeaders = ['/usr/include', `/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`];

const warnings = ['-Wall', '-Wextra', '-Werror', '-Wshadow', '-Wstrict-prototypes', '-fanalyzer'];

/** The C files in a directory, in a stable order. */
function sourcesIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.c'))
    .sort()
    .map((name) => join(directory, name));
}

/** The C files of the native program. */
export const nativeSources = (): string[] => sourcesIn(sourceDirectory);

/**
 * Compiles the native program, one static binary, unless it is newer than every source. Installs nothing.
 *
 * @returns the path of the binary
 * @throws unavailable when there is no musl compiler; internal, with what the compiler said, when the source is wrong
 */
export const buildNative = (): Promise<string> => build(sourceDirectory, 'gantry-native');

/** The same for the init that containers with --init run. */
export const buildInit = (): Promise<string> => build(initDirectory, 'gantry-init');

async function build(directory: string, name: string): Promise<string> {
  const output = join(outputDirectory, name);
  if (isCurrent(output, directory)) return output;
  const compiler = Bun.which('musl-gcc');
  if (compiler === null) {
    throw new EngineError('unavailable', 'cannot build the native program: musl-gcc is not installed', {
      hint: 'apt-get install musl-tools linux-libc-dev',
    });
  }
  mkdirSync(outputDirectory, { recursive: true });
  const temporary = `${output}.${process.pid}`;
  const includes = kernelHeaders.flatMap((directory) => ['-idirafter', directory]);
  const style = ['-std=gnu11', '-D_GNU_SOURCE', '-O2', '-static', '-s', '-fstack-protector-strong', ...warnings];
  const sections = ['-ffunction-sections', '-fdata-sections', '-Wl,--gc-sections'];
  const compiling = Bun.spawn(
    [compiler, ...style, ...sections, ...includes, '-o', temporary, ...sourcesIn(directory)],
    {
      stdout: 'ignore',
      stderr: 'pipe',
    },
  );
  const said = await new Response(compiling.stderr).text();
  if ((await compiling.exited) !== 0) throw new EngineError('internal', `cannot build ${name}: ${said}`);
  renameSync(temporary, output);
  return output;
}

function isCurrent(output: string, directory: string): boolean {
  if (!existsSync(output)) return false;
  const built = statSync(output).mtimeMs;
  return readdirSync(directory).every((name) => statSync(join(directory, name)).mtimeMs < built);
}

if (import.meta.main) for (const path of [await buildNative(), await buildInit()]) console.log(path);
