import { EngineError } from '@gantry/base';
import type { RuntimeSpec } from '@gantry/oci';

/** Says no, by name, to parts of config.json that are not built: starting without them would be a lie. @throws unsupported */
export function refuseUnsupported(spec: RuntimeSpec): void {
  const { linux } = spec;
  const given: readonly (readonly [name: string, value: unknown])[] = [
    ...Object.entries(spec.hooks ?? {}).map(([name, hooks]) => [`hooks.${name}`, hooks] as const),
    ['linux.netDevices', linux?.netDevices],
    ['linux.uidMappings', linux?.uidMappings],
    ['linux.gidMappings', linux?.gidMappings],
    ['linux.intelRdt', linux?.intelRdt],
    ['linux.memoryPolicy', linux?.memoryPolicy],
    ['linux.mountLabel', linux?.mountLabel],
    ['linux.personality.flags', linux?.personality?.flags],
    ['linux.seccomp.listenerPath', linux?.seccomp?.listenerPath],
  ];
  const found = given.find(([, value]) => !isEmpty(value));
  if (found !== undefined) throw new EngineError('unsupported', `cannot use "${found[0]}": not built yet`);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
