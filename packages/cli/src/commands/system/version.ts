import { routes, type VersionWire } from '@gantry/api';
import { flagText } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import type { Command, Invocation } from '../../command.ts';
import { isWholeJson, printRow, templateFailure } from '../../format/list-format.ts';
import { type ClientVersion, formatVersion } from '../../format/version.ts';
import { compileTemplate } from '../../template/execute.ts';
import { TemplateRow } from '../../template/row.ts';
import { documentFormatFlag } from '../format-flag.ts';

export const versionCommand: Command = {
  usage: '[OPTIONS]',
  flags: [documentFormatFlag],
  arity: { min: 0, max: 0 },
  run: showVersion,
};

/** The newest version of the API that this client speaks. */
const apiVersion = '1.51';

async function showVersion({ session, flags }: Invocation): Promise<void> {
  const format = flagText(flags, 'format') ?? '';
  const print = printerOf(format);
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
  session.out.line(print(client, server));
  if (failure !== undefined) throw failure;
}

type Printer = (client: ClientVersion, server: VersionWire | undefined) => string;

/** How to print the versions; a format that cannot be read is refused before anyone is asked. */
function printerOf(format: string): Printer {
  if (format === '') return formatVersion;
  if (isWholeJson(format)) return (client, server) => JSON.stringify({ Client: client, Server: server ?? null });
  try {
    const template = compileTemplate(format);
    return (client, server) => printRow(template, versionRow(client, server));
  } catch (error) {
    const failure = templateFailure(error);
    if (failure instanceof CliError) throw new CliError(failure.message, { exitCode: 64, cause: error });
    throw failure;
  }
}

/** A row, so that a field that is none is an error and not `<no value>`. */
function versionRow(client: ClientVersion, server: VersionWire | undefined): TemplateRow {
  return new TemplateRow('system.versionInfo', { Client: () => client, Server: () => server ?? null });
}
