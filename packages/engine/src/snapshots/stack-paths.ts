import { join } from 'node:path';
import { isEngineError } from '@gantry/base';
import type { CollectDeps } from './collect.ts';
import type { StackPaths } from './types.ts';

export function stackOfChain(store: CollectDeps, chainId: string): StackPaths | undefined {
  const [upper, ...lower] = layersOf(store, chainId) ?? [];
  return upper === undefined ? undefined : { lower, upper, work: undefined, merged: undefined };
}

export function stackOfContainer(store: CollectDeps, containerId: string): StackPaths | undefined {
  const { directories, rows } = store;
  const active = rows.findActive(containerId);
  const lower = active === undefined ? undefined : layersOf(store, active.chain_id);
  if (active === undefined || lower === undefined) return undefined;
  const work = join(directories.layersDir, active.dir, 'work');
  return { lower, upper: directories.fsOf(active.dir), work, merged: directories.target };
}

function layersOf({ driver, stacks, directories }: CollectDeps, chainId: string): readonly string[] | undefined {
  if (driver.kind === 'whole') return undefined;
  try {
    return chainId === '' ? [] : stacks.of(chainId).map(directories.fsOf);
  } catch (error) {
    if (isEngineError(error, 'unavailable')) return undefined;
    throw error;
  }
}
