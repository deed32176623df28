import { EngineError } from '@gantry/base';
import type { NetworkContext } from './context.ts';
import type { NetworkRecord } from './types.ts';

/** The three networks that every engine has. */
export const predefined = { bridge: 'bridge', host: 'host', none: 'none' } as const;

/** Tells whether a name is that of a predefined network, or stands for one. */
export function isPredefined(name: string): boolean {
  return name === 'bridge' || name === 'host' || name === 'none' || name === 'default';
}

/** By whole ID, name, or unique start of an ID, in this order. @throws not-found, invalid (ambiguous) */
export function getNetwork(context: Pick<NetworkContext, 'networks'>, ref: string): NetworkRecord {
  const byId = context.networks.get(ref);
  if (byId !== undefined) return byId;
  const all = [...context.networks.values()];
  const byName = all.find(({ name }) => name === ref);
  if (byName !== undefined) return byName;
  const byPrefix = ref === '' ? [] : all.filter(({ id }) => id.startsWith(ref));
  if (byPrefix.length > 1)
    throw new EngineError(
      'invalid',
      `network ${ref} is ambiguous (${byPrefix.length} matches found based on ID prefix)`,
    );
  const [found] = byPrefix;
  if (found === undefined) throw new EngineError('not-found', `network ${ref} not found`);
  return found;
}

/** A predefined network by name: they exist from the first boot on. */
export function getPredefined(context: Pick<NetworkContext, 'networks'>, name: keyof typeof predefined): NetworkRecord {
  return getNetwork(context, name);
}

/** Docker's words for what a container's network mode means. */
export type NetworkMode =
  | { readonly kind: 'host' }
  | { readonly kind: 'none' }
  | { readonly kind: 'container'; readonly ref: string }
  | { readonly kind: 'network'; readonly ref: string };

export function parseNetworkMode(mode: string): NetworkMode {
  if (mode === 'host') return { kind: 'host' };
  if (mode === 'none') return { kind: 'none' };
  if (mode.startsWith('container:')) return { kind: 'container', ref: mode.slice('container:'.length) };
  return { kind: 'network', ref: mode === '' || mode === 'default' ? predefined.bridge : mode };
}
