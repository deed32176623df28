import { existsSync } from 'node:fs';
import { EngineError, FlagError, flagBool, formatSize, type ParsedFlags } from '@gantry/base';
import { type Collected, type CollectOptions, collectGarbage } from '../server/collect-garbage.ts';
import { layoutOf } from '../server/store/layout.ts';
import { openStore } from '../server/store/store.ts';
import { askToCollect, claimDirectory } from './control.ts';
import { gcCommand, neededText, optionMs } from './options.ts';

/** `gantry registry gc`: one collection, in the registry that serves the directory, or here. @throws invalid, not-found */
export async function collectOnce(flags: ParsedFlags): Promise<void> {
  const [extra] = flags.rest;
  if (extra !== undefined) throw new FlagError(`unexpected argument: ${extra}`);
  const directory = neededText(flags, 'data');
  if (!existsSync(layoutOf(directory).blobs))
    throw new EngineError('not-found', `cannot collect garbage in "${directory}": no registry keeps its data there`);
  const options: CollectOptions = {
    graceMs: optionMs(gcCommand, flags, 'gc-grace'),
    uploadExpiryMs: optionMs(gcCommand, flags, 'upload-expiry'),
    untagged: flagBool(flags, 'gc-untagged'),
    unusedMs: undefined,
  };
  const collected = (await askToCollect(directory, options)) ?? (await collectHere(directory, options));
  process.stdout.write(formatCollected(collected));
}

async function collectHere(directory: string, options: CollectOptions): Promise<Collected> {
  await using _claim = await claimDirectory(directory);
  return await collectGarbage(openStore(directory, { cacheBytes: 0, now: Date.now }), options);
}

function formatCollected({ manifests, links, blobs, freedBytes, uploads }: Collected): string {
  return `removed ${manifests} manifests, ${links} links, ${blobs} blobs (${formatSize(freedBytes)}), ${uploads} uploads\n`;
}
