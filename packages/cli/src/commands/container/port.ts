import { routes } from '@gantry/api';
import { CliError } from '../../cli-error.ts';
import type { Command, Invocation } from '../../command.ts';
import { hostPort } from '../../format/ports.ts';

export const portCommand: Command = {
  usage: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
  flags: [],
  arity: { min: 1, max: 2 },
  words: 'container',
  run: showPorts,
};

async function showPorts({ session, words }: Invocation): Promise<void> {
  const [id = '', wanted] = words;
  const { NetworkSettings } = await session.engine.call(routes.containerInspect, { path: { id } });
  const ports = NetworkSettings.Ports ?? {};
  if (wanted !== undefined) {
    const bindings = ports[wanted.includes('/') ? wanted : `${wanted}/tcp`] ?? [];
    if (bindings.length === 0) throw new CliError(`Error: No public port '${wanted}' published for ${id}`);
    for (const { HostIp, HostPort } of bindings) session.out.line(hostPort(HostIp, HostPort));
    return;
  }
  const lines = Object.entries(ports).flatMap(([port, bindings]) =>
    (bindings ?? []).map(({ HostIp, HostPort }) => `${port} -> ${hostPort(HostIp, HostPort)}`),
  );
  for (const line of lines.sort(naturally)) session.out.line(line);
}

/** Orders numbers inside text by their value, so that 80 comes before 443. */
function naturally(left: string, right: string): number {
  const cut = (text: string): string[] => text.match(/\d+|\D+/g) ?? [];
  const [leftParts, rightParts] = [cut(left), cut(right)];
  for (const [at, part] of leftParts.entries()) {
    const other = rightParts[at];
    if (other === undefined) return 1;
    if (part === other) continue;
    const bothNumbers = /^\d/.test(part) && /^\d/.test(other);
    if (bothNumbers && Number(part) !== Number(other)) return Number(part) - Number(other);
    return part < other ? -1 : 1;
  }
  return leftParts.length - rightParts.length;
}
