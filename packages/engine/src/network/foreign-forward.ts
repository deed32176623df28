import {
  type DumpedChain,
  dumpChains,
  dumpRules,
  type Expression,
  keyPart,
  MessageWriter,
  type NetlinkSocket,
  parseChain,
  parseRule,
  TableBatch,
  type TableFamily,
} from '@gantry/net';

const forwardHook = 2;
const foreignTable = 'filter';
/** Docker's chain for rules that are not its own; where there is none, the forward chain itself. */
const chainNames = ['DOCKER-USER', 'FORWARD'] as const;

/**
 * Lets our bridges through another program's `filter` table that drops what it does not know, as Docker's does.
 *
 * A packet passes when every table lets it pass, so nothing that our own rules drop gets through by this. The rules
 * carry the engine's name, and each call replaces those of the last one.
 */
export function allowThroughForeign(
  socket: NetlinkSocket,
  wanted: { readonly family: TableFamily; readonly owner: string; readonly bridges: readonly string[] },
): void {
  const { family, owner } = wanted;
  const table = { family, name: foreignTable };
  const chains = socket.dump('list chains', (writer) => dumpChains(writer, family)).flatMap((m) => parseChain(m) ?? []);
  const chain = chainThatDrops(chains.filter((one) => one.table === foreignTable));
  if (chain === undefined) return;
  const rules = socket
    .dump('list rules', (writer) => dumpRules(writer, table, chain))
    .flatMap((m) => parseRule(m) ?? []);
  const old = rules.filter(({ comment }) => comment === owner);
  if (old.length === 0 && wanted.bridges.length === 0) return;
  const batch = new TableBatch(new MessageWriter(), table);
  for (const { handle } of old) batch.deleteRule(chain, handle);
  for (const bridge of wanted.bridges)
    for (const key of ['iifname', 'oifname'] as const) batch.insertRule(chain, acceptLink(key, bridge), owner);
  socket.request(`let bridges through the table "${foreignTable}"`, batch.finish());
}

function chainThatDrops(chains: readonly DumpedChain[]): string | undefined {
  const drops = chains.some(({ hook }) => hook?.number === forwardHook && hook.policy === 'drop');
  return drops ? chainNames.find((name) => chains.some((chain) => chain.name === name)) : undefined;
}

function acceptLink(key: 'iifname' | 'oifname', link: string): Expression[] {
  return [
    { do: 'meta', key, to: 1 },
    { do: 'compare', register: 1, equal: true, value: keyPart.ifname(link) },
    { do: 'counter' },
    { do: 'verdict', verdict: 'accept' },
  ];
}
