import { existsSync, readFileSync } from 'node:fs';
import { EngineError, FlagError, flagBool, flagText, isEngineError, messageOf, parseFlags } from '@gantry/base';
import manifest from '../package.json' with { type: 'json' };
import { type DaemonConfig, daemonDefaults, settleConfig } from './config/config.ts';
import { joinOptions, refuseUnsupported } from './config/given.ts';
import { formatHelp } from './config/help.ts';
import { daemonOptions } from './config/options.ts';
import { type Start, serve } from './serve.ts';

/**
 * `gantry daemon`: serves the engine until SIGTERM or SIGINT. Containers go on without it.
 *
 * @param argv the words after `daemon`
 * @param program how this very program is started as a daemon
 * @returns the exit code
 */
export async function runDaemon(argv: readonly string[], program: readonly string[]): Promise<number> {
  try {
    const asked = readStart(argv, program);
    if (typeof asked === 'string') {
      process.stdout.write(asked);
      return 0;
    }
    await serve(asked);
    return 0;
  } catch (error) {
    if (!isEngineError(error) && !(error instanceof FlagError)) throw error;
    const hint = isEngineError(error) && error.hint !== undefined ? `\n${error.hint}` : '';
    process.stderr.write(`gantry daemon: ${error.message}${hint}\n`);
    return error instanceof FlagError ? 125 : 1;
  }
}

/** How to start a daemon, or the text that was asked for instead of one. */
function readStart(argv: readonly string[], program: readonly string[]): Start | string {
  const flags = parseFlags(argv, daemonOptions);
  if (flagBool(flags, 'help')) return formatHelp();
  if (flagBool(flags, 'version')) return `Gantry version ${manifest.version}\n`;
  const [extra] = flags.rest;
  if (extra !== undefined) throw new FlagError(`unexpected argument: ${extra}`);
  const configFile = flagText(flags, 'config-file');
  const readAgain = (): DaemonConfig => {
    const given = joinOptions(flags, readConfigFile(configFile));
    refuseUnsupported(given);
    return settleConfig(given);
  };
  const config = readAgain();
  if (flagBool(flags, 'validate')) return 'configuration OK\n';
  const environment = { ...process.env };
  // They are this process's own: whatever it starts must not take them for its.
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete process.env[name];
  const takesOver = flagBool(flags, 'takeover');
  const startSuccessor = (): void => {
    const words = [...program, ...argv, ...(takesOver ? [] : ['--takeover'])];
    Bun.spawn(words, { stdio: ['ignore', 'inherit', 'inherit'] }).unref();
  };
  return { config, readAgain, takesOver, startSuccessor, environment };
}

/** A file that was named must be there; the default one may be missing. */
function readConfigFile(named: string | undefined): { path: string; text: string } | undefined {
  const path = named ?? daemonDefaults.configFile;
  if (named === undefined && !existsSync(path)) return undefined;
  try {
    return { path, text: readFileSync(path, 'utf8') };
  } catch (error) {
    throw new EngineError('invalid', `unable to configure the Docker daemon with file ${path}: ${messageOf(error)}`);
  }
}
