import {
  connectionState,
  connectionStatus,
  type Element,
  type Expression,
  hookPriority,
  type IpAddress,
  type KeyType,
  keyPart,
  MessageWriter,
  routeTypeLocal,
  type SetSpec,
  TableBatch,
  type TableFamily,
  type TableName,
} from '@gantry/net';

/** One bridge as the rules see it. */
export type BridgeRules = {
  readonly bridge: string;
  readonly internal: boolean;
  readonly interContainer: boolean;
  /** Containers leave with the host's address. */
  readonly masquerade: boolean;
  /** `nat-unprotected`: every port of its containers may be reached directly. */
  readonly unprotected: boolean;
};

/** One published port as the rules see it: who asks for `host` gets `container`. */
export type PortRule = {
  readonly protocol: number;
  /** undefined: every address of the host. */
  readonly hostIp: IpAddress | undefined;
  readonly hostPort: number;
  readonly containerIp: IpAddress;
  readonly containerPort: number;
  /** `routed`: the container's port is opened, and nothing is translated. */
  readonly routed: boolean;
};

const word = new Uint8Array(4);
/** `ct` registers are numbers of the machine's byte order. */
const hostOrder = (value: number): Uint8Array => {
  const bytes = word.slice();
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
};

const accept: Expression = { do: 'verdict', verdict: 'accept' };
const drop: Expression = { do: 'verdict', verdict: 'drop' };
const leave: Expression = { do: 'verdict', verdict: 'return' };
const count: Expression = { do: 'counter' };
const jump = (chain: string): Expression => ({ do: 'verdict', verdict: { jump: chain } });

const comesFrom = (set: string): Expression[] => [
  { do: 'meta', key: 'iifname', to: 1 },
  { do: 'lookup', set, register: 1 },
];
const goesTo = (set: string): Expression[] => [
  { do: 'meta', key: 'oifname', to: 1 },
  { do: 'lookup', set, register: 1 },
];
/** From a bridge to itself, or not; `set` holds pairs of equal names, since rules cannot compare two names. */
const crosses = (set: string, inverted: boolean): Expression[] => [
  { do: 'meta', key: 'iifname', to: 1 },
  { do: 'meta', key: 'oifname', to: 2 },
  { do: 'lookup', set, register: 1, inverted },
];
const connectionIs = (key: 'state' | 'status', bits: number): Expression[] => [
  { do: 'ct', key, to: 1 },
  { do: 'mask', register: 1, mask: hostOrder(bits) },
  { do: 'compare', register: 1, equal: false, value: hostOrder(0) },
];
const destinationIsLocal: Expression[] = [
  { do: 'fibAddressType', of: 'destination', to: 1 },
  { do: 'compare', register: 1, equal: true, value: hostOrder(routeTypeLocal) },
];

type Layout = {
  readonly address: KeyType;
  readonly length: number;
  readonly source: number;
  readonly destination: number;
};
const layouts: Readonly<Record<TableFamily, Layout>> = {
  ip: { address: 'ipv4_addr', length: 4, source: 12, destination: 16 },
  ip6: { address: 'ipv6_addr', length: 16, source: 8, destination: 24 },
};
// The register after an address: addresses of IPv6 fill a whole register of sixteen bytes, of IPv4 a quarter of it.
const afterAddress: Readonly<Record<TableFamily, number>> = { ip: 9, ip6: 12 };

const field = (offset: number, length: number, to: number): Expression => ({
  do: 'payload',
  base: 'network',
  offset,
  length,
  to,
});
/** 127.0.0.0/8 or ::1, in the field at `offset`. */
const isLoopback = (family: TableFamily, offset: number): Expression[] => {
  const one = new Uint8Array(16);
  one[15] = 1;
  return family === 'ip'
    ? [field(offset, 1, 1), { do: 'compare', register: 1, equal: true, value: Uint8Array.of(127) }]
    : [field(offset, 16, 1), { do: 'compare', register: 1, equal: true, value: one }];
};

/** Loads protocol and destination port from register `at` on. */
const protocolAndPort = (at: { protocol: number; port: number }): Expression[] => [
  { do: 'meta', key: 'l4proto', to: at.protocol },
  { do: 'payload', base: 'transport', offset: 2, length: 2, to: at.port },
];
const destinationKey = (family: TableFamily): Expression[] => {
  const layout = layouts[family];
  const next = afterAddress[family];
  return [field(layout.destination, layout.length, 1), ...protocolAndPort({ protocol: next, port: next + 1 })];
};

/** Sets and maps: everything that changes while the engine runs. */
function setsOf(family: TableFamily): SetSpec[] {
  const { address } = layouts[family];
  const target: readonly KeyType[] = [address, 'inet_service'];
  return [
    { name: 'bridges', key: ['ifname'] },
    { name: 'internal', key: ['ifname'] },
    { name: 'masqueraded', key: ['ifname'] },
    { name: 'unprotected', key: ['ifname'] },
    { name: 'uplinks', key: ['ifname'] },
    { name: 'same-bridge', key: ['ifname', 'ifname'] },
    { name: 'may-talk', key: ['ifname', 'ifname'] },
    { name: 'itself', key: [address, address] },
    { name: 'open-ports', key: [address, 'inet_proto', 'inet_service'] },
    { name: 'routed-ports', key: [address, 'inet_proto', 'inet_service'] },
    { name: 'published', key: ['inet_proto', 'inet_service'], data: target },
    { name: 'published-on', key: [address, 'inet_proto', 'inet_service'], data: target },
  ];
}

type Rule = readonly [chain: string, expressions: readonly Expression[], comment: string];

/**
 * The rules: fixed for the life of the engine, since everything that varies is in the sets.
 *
 * Docker differs: it has a rule for each container and port. Here one lookup decides, however many there are.
 */
function rulesOf(family: TableFamily): Rule[] {
  const layout = layouts[family];
  const nat = (addressRegister: number): Expression => ({
    do: 'nat',
    kind: 'destination',
    family: family === 'ip' ? 4 : 6,
    address: addressRegister,
    port: afterAddress[family],
  });
  const loopbackTarget = isLoopback(family, layout.destination);
  const rules: Rule[] = [
    // SAFETY: bridges have route_localnet so that 127.0.0.1:port works on the host; without these two rules a
    // container could reach every service that listens on the host's loopback only.
    ['guard', [...comesFrom('bridges'), ...loopbackTarget, count, drop], 'CONTAINER TO HOST LOOPBACK'],
    ['guard', [...comesFrom('bridges'), ...isLoopback(family, layout.source), count, drop], 'FORGED LOOPBACK SOURCE'],
    // SAFETY: a neighbour that sends to 127.0.0.1 must not be translated to a port published on loopback only.
    ['prerouting', [...loopbackTarget, leave], 'REMOTE LOOPBACK'],
    ['prerouting', [...destinationIsLocal, jump('publish')], ''],
  ];
  // ::1 cannot leave the loopback device, so there is nothing to translate it to.
  if (family === 'ip6') rules.push(['output', [...loopbackTarget, leave], '']);
  rules.push(
    ['output', [...destinationIsLocal, jump('publish')], ''],
    ['publish', [...destinationKey(family), { do: 'lookup', set: 'published-on', register: 1, into: 1 }, nat(1)], ''],
    [
      'publish',
      [...protocolAndPort({ protocol: 1, port: 9 }), { do: 'lookup', set: 'published', register: 1, into: 1 }, nat(1)],
      '',
    ],
    ['forward', [...comesFrom('internal'), ...crosses('same-bridge', true), count, drop], 'INTERNAL NETWORK EGRESS'],
    ['forward', [...goesTo('internal'), ...crosses('same-bridge', true), count, drop], 'INTERNAL NETWORK INGRESS'],
    ['forward', [...goesTo('bridges'), jump('to-container')], ''],
    ['forward', [...comesFrom('uplinks'), ...goesTo('uplinks'), count, drop], 'HOST IS NO ROUTER'],
    ['to-container', [...connectionIs('state', connectionState.established | connectionState.related), accept], ''],
    ['to-container', [...crosses('may-talk', false), accept], 'ICC'],
    [
      'to-container',
      [
        ...connectionIs('status', connectionStatus.destinationNat),
        ...destinationKey(family),
        { do: 'lookup', set: 'open-ports', register: 1 },
        accept,
      ],
      'PUBLISHED PORT',
    ],
    ['to-container', [...destinationKey(family), { do: 'lookup', set: 'routed-ports', register: 1 }, accept], ''],
    ['to-container', [...crosses('same-bridge', true), ...goesTo('unprotected'), accept], ''],
    ['to-container', [count, drop], 'UNPUBLISHED PORT DROP'],
    ['postrouting', [...comesFrom('masqueraded'), ...crosses('same-bridge', true), count, { do: 'masquerade' }], ''],
    // A container that calls its own published port would hear itself, and drop that as forged.
    [
      'postrouting',
      [
        field(layout.source, layout.length, 1),
        field(layout.destination, layout.length, family === 'ip' ? afterAddress.ip : 2),
        { do: 'lookup', set: 'itself', register: 1 },
        ...connectionIs('status', connectionStatus.destinationNat),
        count,
        { do: 'masquerade' },
      ],
      'TO OWN PORT',
    ],
    // Two containers of one bridge that meet through the host's address: the answer must come back through the host.
    // Where the bridge shows its frames to these rules, it also leads the answer back itself; such a packet has no
    // incoming link here, and keeps its sender.
    [
      'postrouting',
      [
        ...crosses('same-bridge', false),
        ...connectionIs('status', connectionStatus.destinationNat),
        count,
        { do: 'masquerade' },
      ],
      'HAIRPIN',
    ],
  );
  if (family === 'ip')
    rules.push([
      'postrouting',
      [...goesTo('bridges'), ...isLoopback(family, layout.source), count, { do: 'masquerade' }],
      'FROM HOST LOOPBACK',
    ]);
  return rules;
}

/** Everything the engine's tables hold, as known to its rows. */
export type Ruleset = {
  readonly bridges: readonly BridgeRules[];
  readonly ports: readonly PortRule[];
  /** Links between which the host forwards only because we turned forwarding on. */
  readonly uplinks: readonly string[];
};

type NamedElement = readonly [set: string, element: Element];

/** The elements that stand for one bridge. */
export function bridgeElements(rules: BridgeRules): NamedElement[] {
  const name = keyPart.ifname(rules.bridge);
  const one: Element = { key: [name] };
  const pair: Element = { key: [name, name] };
  const elements: NamedElement[] = [
    ['bridges', one],
    ['same-bridge', pair],
  ];
  if (rules.internal) elements.push(['internal', one]);
  if (rules.interContainer) elements.push(['may-talk', pair]);
  if (rules.masquerade) elements.push(['masqueraded', one]);
  if (rules.unprotected) elements.push(['unprotected', one]);
  return elements;
}

/** The elements that stand for one published port, in the table of its family. */
export function portElements(rule: PortRule): NamedElement[] {
  const protocol = keyPart.protocol(rule.protocol);
  const inside: Element = { key: [keyPart.ip(rule.containerIp), protocol, keyPart.port(rule.containerPort)] };
  if (rule.routed) return [['routed-ports', inside]];
  const data = [keyPart.ip(rule.containerIp), keyPart.port(rule.containerPort)];
  const host = [protocol, keyPart.port(rule.hostPort)];
  const outside: NamedElement =
    rule.hostIp === undefined
      ? ['published', { key: host, data }]
      : ['published-on', { key: [keyPart.ip(rule.hostIp), ...host], data }];
  const itself: Element = { key: [keyPart.ip(rule.containerIp), keyPart.ip(rule.containerIp)] };
  return [['open-ports', inside], ['itself', itself], outside];
}

/** Adds elements to a batch, one message for each set; what is there twice goes in once. */
export function groupElements(elements: readonly NamedElement[]): Map<string, Element[]> {
  const groups = new Map<string, Element[]>();
  const seen = new Set<string>();
  for (const [set, element] of elements) {
    const identity = `${set} ${element.key.map((part) => part.join('.')).join(' ')}`;
    if (seen.has(identity)) continue;
    seen.add(identity);
    const group = groups.get(set);
    if (group === undefined) groups.set(set, [element]);
    else group.push(element);
  }
  return groups;
}

/**
 * The whole tables as one transaction that replaces whatever tables of those names are there: boot leaves no moment
 * without rules, and no trace of an older engine's.
 */
export function tablesBatch(tables: readonly TableName[], ruleset: Ruleset, as: 'fresh' | 'replacement'): Uint8Array {
  const [first] = tables;
  if (first === undefined) throw new Error('unreachable: no table');
  const batch = new TableBatch(new MessageWriter(), first);
  for (const table of tables) addTable(batch.on(table).startTable(as), table.family, ruleset);
  return batch.finish();
}

function addTable(batch: TableBatch, family: TableFamily, ruleset: Ruleset): void {
  for (const set of setsOf(family)) batch.addSet(set);
  const filter = { type: 'filter', policy: 'accept' } as const;
  const nat = { type: 'nat', policy: 'accept' } as const;
  batch.addChain({ name: 'publish' }).addChain({ name: 'to-container' });
  batch.addChain({ name: 'guard', hook: { ...filter, hook: 'prerouting', priority: hookPriority.raw } });
  batch.addChain({ name: 'prerouting', hook: { ...nat, hook: 'prerouting', priority: hookPriority.dstnat } });
  batch.addChain({ name: 'output', hook: { ...nat, hook: 'output', priority: hookPriority.dstnat } });
  batch.addChain({ name: 'forward', hook: { ...filter, hook: 'forward', priority: hookPriority.filter } });
  batch.addChain({ name: 'postrouting', hook: { ...nat, hook: 'postrouting', priority: hookPriority.srcnat } });
  for (const [chain, expressions, comment] of rulesOf(family)) batch.addRule(chain, expressions, comment);
  const width = family === 'ip' ? 4 : 6;
  const elements = [
    ...ruleset.bridges.flatMap(bridgeElements),
    ...ruleset.ports.filter((port) => port.containerIp.family === width).flatMap(portElements),
    ...ruleset.uplinks.map((name): NamedElement => ['uplinks', { key: [keyPart.ifname(name)] }]),
  ];
  for (const [set, group] of groupElements(elements)) batch.addElements(set, group);
}

/** Adds or drops elements of a living table. */
export function elementsBatch(
  table: TableName,
  change: 'add' | 'delete',
  elements: readonly NamedElement[],
): Uint8Array {
  const batch = new TableBatch(new MessageWriter(), table);
  for (const [set, group] of groupElements(elements))
    if (change === 'add') batch.addElements(set, group);
    else batch.deleteElements(set, group);
  return batch.finish();
}
