import { routes, type VersionWire } from '@gantry/api';
import { flagText } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import type { Command, Invocation } from '../../command.ts';
import { printRow, templateFailure } from '../../format/list-format.ts';
import { type ClientVersion, formatVersion } from '../../format/version.ts';
import { compileTemplate, type Template } from '../../template/execute.ts';
import { documentFormatFlag } from '../format-flag.ts';

export const versionCommand: Command = {
  names: ['version'],
  usage: '[OPTIONS]',
  short: 'Show the version of the client and of the engine',
  flags: [documentFormatFlag],
  arity: { min: 0, max: 0 },
  run: showVersion,
};

/** The newest version of the API that this client speaks. */
const apiVersion = '1.51';

async function showVersion({ session, flags }: Invocation): Promise<void> {
  const format = flagText(flags, 'format') ?? '';
  const template = format === '' ? undefined : readTemplate(format === 'json' ? '{{json .}}' : format);
  const client: ClientVersion = {
    Version: session.version,
    ApiVersion: apiVersion,
    DefaultAPIVersion: apiVersion,
    BunVersion: Bun.version,
    Os: process.platform,
    Arch: process.arch === 'x64' ? 'amd64' : process.arch,
    Context: 'default',
  };
  let server: VersionWire | undefined;
  let failure: unknown;
  try {
    server = await session.engine.call(routes.version);
  } catch (error) {
    // What is known of the client is shown even when no engine answers; then the failure is told.
    failure = error;
  }
  const text =
    template === undefined
      ? formatVersion(client, server)
      : printRow(template, { Client: client, Server: server ?? null });
  session.out.line(text);
  if (failure !== undefined) throw failure;
}

function readTemplate(format: string): Template {
  try {
    return compileTemplate(format);
  } catch (error) {
    const failure = templateFailure(error);
    if (failure instanceof CliError) throw new CliError(failure.message, { exitCode: 64, cause: error });
    throw failure;
  }
}
