import { readFileSync } from 'node:fs';
import { EngineError, messageOf } from '@gantry/base';
import type { LinuxResources } from '@gantry/oci';
import { applyWrites } from '../cgroup/apply.ts';
import { compileUpdate } from '../cgroup/compile.ts';
import { controllerDirectory } from '../cgroup/layout.ts';
import type { CgroupLayout } from '../facts.ts';
import { probeHostFacts } from '../probe-facts.ts';
import { type ContainerStore, statusOf } from './container-store.ts';
import { mergeResources, resourcesToWrite } from './update-resources.ts';

/**
 * `update`: changes the limits of a container that has not ended, all of them or none.
 *
 * @throws conflict when it has ended; invalid, unsupported, and internal with the kernel's reason
 */
export async function updateContainer(store: ContainerStore, id: string, asked: LinuxResources): Promise<void> {
  using _lock = await store.lock(id);
  const container = store.get(id);
  const { spec, cgroupPath } = container;
  const facts = probeHostFacts();
  const status = statusOf(container, store.directory(id), facts.cgroup);
  if (status === 'stopped') throw new EngineError('conflict', `cannot update container "${id}": it is stopped`);
  const resources = mergeResources(spec.linux?.resources ?? {}, asked);
  const currentMemoryLimit = readMemoryLimit(facts.cgroup, cgroupPath);
  const writes = compileUpdate(resourcesToWrite(resources, asked), {
    facts,
    cgroupPath,
    ...(currentMemoryLimit === undefined ? {} : { currentMemoryLimit }),
  });
  try {
    applyWrites(writes);
  } catch (cause) {
    throw new EngineError('internal', `cannot update container "${id}": ${messageOf(cause)}`, { cause });
  }
  store.save({ ...container, spec: { ...spec, linux: { ...spec.linux, resources } } });
}

/** Only v1 needs it: its two memory files have an order. */
function readMemoryLimit(layout: CgroupLayout, cgroupPath: string): number | undefined {
  const directory = controllerDirectory(layout, 'memory', cgroupPath);
  if (layout.kind === 'v2' || directory === undefined) return undefined;
  return Number(readFileSync(`${directory}/memory.limit_in_bytes`, 'utf8'));
}
