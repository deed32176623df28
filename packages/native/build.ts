import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '@gantry/base';

const sourceDirectory = join(import.meta.dir, 'c');
const output = join(import.meta.dir, 'build', 'gantry-native');

// The kernel's headers come last, so that musl's own are never shadowed by another libc's.
const kernelHeaders = ['/usr/include', `/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`];

const warnings = ['-Wall', '-Wextra', '-Werror', '-Wshadow', '-Wstrict-prototypes', '-fanalyzer'];

/** The C files of the program, in a stable order. */
export function nativeSources(): string[] {
  return readdirSync(sourceDirectory)
    .filter((name) => name.endsWith('.c'))
    .sort()
    .map((name) => join(sourceDirectory, name));
}

/**
 * Compiles the native program, one static binary, unless it is newer than every source. Installs nothing.
 *
 * @returns the path of the binary
 * @throws unavailable when there is no musl compiler; internal, with what the compiler said, when the source is wrong
 */
export async function buildNative(): Promise<string> {
  if (isCurrent()) return output;
  const compiler = Bun.which('musl-gcc');
  if (compiler === null) {
    throw new EngineError('unavailable', 'cannot build the native program: musl-gcc is not installed', {
      hint: 'apt-get install musl-tools linux-libc-dev',
    });
  }
  mkdirSync(join(import.meta.dir, 'build'), { recursive: true });
  const temporary = `${output}.${process.pid}`;
  const includes = kernelHeaders.flatMap((directory) => ['-idirafter', directory]);
  const style = ['-std=gnu11', '-D_GNU_SOURCE', '-O2', '-static', '-s', '-fstack-protector-strong', ...warnings];
  const sections = ['-ffunction-sections', '-fdata-sections', '-Wl,--gc-sections'];
  const build = Bun.spawn([compiler, ...style, ...sections, ...includes, '-o', temporary, ...nativeSources()], {
    stdout: 'ignore',
    stderr: 'pipe',
  });
  const said = await new Response(build.stderr).text();
  if ((await build.exited) !== 0) throw new EngineError('internal', `cannot build the native program: ${said}`);
  renameSync(temporary, output);
  return output;
}

function isCurrent(): boolean {
  if (!existsSync(output)) return false;
  const built = statSync(output).mtimeMs;
  return readdirSync(sourceDirectory).every((name) => statSync(join(sourceDirectory, name)).mtimeMs < built);
}

if (import.meta.main) console.log(await buildNative());
