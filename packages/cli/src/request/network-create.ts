import type { networkCreateBody, ValueOf } from '@gantry/api';
import { flagBool, flagList, flagText, type ParsedFlags } from '@gantry/base';
import { cutPair, pairsToRecord } from './csv.ts';
import { parseAddressBytes, parsePrefix, prefixContains } from './prefix.ts';

export type NetworkCreateRequest = ValueOf<typeof networkCreateBody>;
type Pool = NonNullable<NetworkCreateRequest['ipam']>['pools'][number];

/** Turns the flags of `network create` into its body. @throws Error in Docker's words */
export function networkCreateRequest(flags: ParsedFlags, name: string): NetworkCreateRequest {
  const from = flagText(flags, 'config-from') ?? '';
  const given = (flag: string): boolean | undefined => (flags.values.has(flag) ? flagBool(flags, flag) : undefined);
  return {
    name,
    driver: flagText(flags, 'driver') ?? 'bridge',
    scope: flagText(flags, 'scope') ?? '',
    enableIpv4: given('ipv4'),
    enableIpv6: given('ipv6'),
    ipam: {
      driver: flagText(flags, 'ipam-driver') ?? 'default',
      options: pairsToRecord(flagList(flags, 'ipam-opt')),
      pools: parsePools(flags),
    },
    internal: flagBool(flags, 'internal'),
    attachable: flagBool(flags, 'attachable'),
    ingress: flagBool(flags, 'ingress'),
    configOnly: flagBool(flags, 'config-only'),
    configFrom: from === '' ? undefined : { network: from },
    options: pairsToRecord(flagList(flags, 'opt')),
    labels: pairsToRecord(flagList(flags, 'label')),
  };
}

type Draft = { readonly text: string; pool: Pool };

/** Sorts ranges, gateways and reserved addresses to the subnets that hold them. */
function parsePools(flags: ParsedFlags): Pool[] {
  const split = (name: string): string[] => flagList(flags, name).flatMap((text) => text.split(','));
  const subnets = split('subnet');
  const ranges = split('ip-range');
  const gateways = split('gateway');
  if (subnets.length < ranges.length || subnets.length < gateways.length) {
    throw new Error('every ip-range or gateway must have a corresponding subnet');
  }
  const drafts = parseSubnets(subnets);
  for (const range of ranges) {
    const draft = holderOf(drafts, parsePrefix(range).address, `range ${range}`);
    if (draft.pool.ipRange !== '') {
      throw new Error(
        `cannot configure multiple ranges (${range}, ${draft.pool.ipRange}) on the same subnet (${draft.text})`,
      );
    }
    draft.pool = { ...draft.pool, ipRange: range };
  }
  for (const gateway of gateways) {
    const draft = holderOf(drafts, parseAddressBytes(gateway), `gateway ${gateway}`);
    if (draft.pool.gateway !== '') {
      throw new Error(
        `cannot configure multiple gateways (${gateway}, ${draft.pool.gateway}) for the same subnet (${draft.text})`,
      );
    }
    draft.pool = { ...draft.pool, gateway };
  }
  for (const pair of flagList(flags, 'aux-address')) {
    const [key, address = ''] = cutPair(pair);
    if (address === '') continue;
    const draft = holderOf(drafts, parseAddressBytes(address), `aux-address ${address}`);
    draft.pool = { ...draft.pool, auxAddresses: { ...draft.pool.auxAddresses, [key]: address } };
  }
  return drafts.map((draft) => draft.pool);
}

function parseSubnets(texts: readonly string[]): Draft[] {
  const drafts: Draft[] = [];
  for (const text of texts) {
    // A lone subnet is the engine's to judge; only what must be compared is read here.
    const overlaps = drafts.some((other) => {
      const [left, right] = [parsePrefix(other.text), parsePrefix(text)];
      return prefixContains(left, right.address) || prefixContains(right, left.address);
    });
    if (overlaps) throw new Error('multiple overlapping subnet configuration is not supported');
    drafts.push({ text, pool: { subnet: text, ipRange: '', gateway: '', auxAddresses: {} } });
  }
  return drafts;
}

function holderOf(drafts: readonly Draft[], address: Uint8Array, what: string): Draft {
  const holder = drafts.find((draft) => prefixContains(parsePrefix(draft.text), address));
  if (holder === undefined) throw new Error(`no matching subnet for ${what}`);
  return holder;
}
