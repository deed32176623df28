import type { VersionWire } from '@gantry/api';
import { alignTabs } from './tab-writer.ts';

export type ClientVersion = {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly DefaultAPIVersion: string;
  readonly BunVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly Context: string;
};

/** The text of `version`: the client, then the engine and its parts when one answered. */
export function formatVersion(client: ClientVersion, server: VersionWire | undefined): string {
  const lines = [
    'Client:',
    ` Version:\t${client.Version}`,
    ` API version:\t${client.ApiVersion}`,
    ` Bun version:\t${client.BunVersion}`,
    ` OS/Arch:\t${client.Os}/${client.Arch}`,
    ` Context:\t${client.Context}`,
    ...(server === undefined ? [] : ['', ...serverLines(server)]),
  ];
  return alignTabs(lines.join('\n'), { minWidth: 20, padding: 1 });
}

function serverLines(server: VersionWire): string[] {
  const name = server.Platform?.Name ?? '';
  const components = server.Components ?? [];
  return [`Server:${name === '' ? '' : ` ${name}`}`, ...components.flatMap((component) => componentLines(component))];
}

function componentLines({ Name, Version, Details }: VersionWire['Components'][number]): string[] {
  const details = Details ?? {};
  if (Name !== 'Engine') {
    const names = Object.keys(details).sort();
    return [` ${Name}:`, `  Version:\t${Version}`, ...names.map((detail) => `  ${detail}:\t${details[detail]}`)];
  }
  return [
    ' Engine:',
    `  Version:\t${Version}`,
    `  API version:\t${details.ApiVersion ?? ''} (minimum version ${details.MinAPIVersion ?? ''})`,
    `  Go version:\t${details.GoVersion ?? ''}`,
    `  Git commit:\t${details.GitCommit ?? ''}`,
    `  Built:\t${ansiC(details.BuildTime ?? '')}`,
    `  OS/Arch:\t${details.Os ?? ''}/${details.Arch ?? ''}`,
    `  Experimental:\t${details.Experimental ?? ''}`,
  ];
}

/** A time as C's asctime prints it, `Fri Nov 20 23:24:29 2026`; anything else as it came. */
function ansiC(time: string): string {
  const milliseconds = Date.parse(time);
  if (Number.isNaN(milliseconds) || !/^\d{4}-/.test(time)) return time;
  const [weekday = '', day = '', month = '', year = '', clock = ''] = new Date(milliseconds).toUTCString().split(' ');
  return `${weekday.slice(0, 3)} ${month} ${String(Number(day)).padStart(2)} ${clock} ${year}`;
}
