import manifest from '../package.json' with { type: 'json' };

/**
 * The one executable: a client, an engine, an OCI runtime and a registry by its first word.
 *
 * Each is loaded only when it is asked for, so that `gantry run` never evaluates a line of the engine.
 */
async function main(words: readonly string[]): Promise<number> {
  const [first, ...rest] = words;
  switch (first) {
    case 'daemon': {
      // The executable starts with compilation put off, which suits a client; an engine lives long enough to gain by it.
      Bun.unsafe.setJITPolicy(1);
      const { runDaemon } = await import('@gantry/daemon');
      return runDaemon(rest, selfCommand('daemon'));
    }
    case 'runtime': {
      const { runRuntimeCommand } = await import('@gantry/runtime');
      return runRuntimeCommand(rest, { version: manifest.version, program: selfCommand('runtime') });
    }
    case 'registry': {
      // As the engine, it lives long enough to gain by compilation.
      Bun.unsafe.setJITPolicy(1);
      const { runRegistryCommand } = await import('@gantry/registry');
      return runRegistryCommand(rest);
    }
    default: {
      const { runCli } = await import('@gantry/cli');
      return runCli(words, {
        environment: process.env,
        version: manifest.version,
        engineCommand: selfCommand('daemon'),
      });
    }
  }
}

/** How to start this very program as something else, compiled or run from its source. */
function selfCommand(word: 'daemon' | 'runtime'): readonly string[] {
  const isCompiled = Bun.main.startsWith('/$bunfs/');
  return isCompiled ? [process.execPath, word] : [process.execPath, Bun.main, word];
}

void main(process.argv.slice(2)).then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    // A fault of the program, not of its user: the trace is what helps whoever mends it.
    console.error(error);
    process.exit(70);
  },
);
