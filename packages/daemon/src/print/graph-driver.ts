import type { ContainerInspectWire } from '@gantry/api';
import type { ContainerView } from '@gantry/engine';

type GraphDriver = ContainerInspectWire['GraphDriver'];

/**
 * Docker's account of where a root's parts are.
 *
 * Docker differs: it names directories that an image would be mounted on, and here is none.
 * @param id of a container; an image has none here
 */
export function printGraphDriver(name: string, stack: ContainerView['stack'], id?: string): GraphDriver {
  const data = {
    ...(id === undefined ? {} : { ID: id }),
    ...(stack === undefined || stack.lower.length === 0 ? {} : { LowerDir: stack.lower.join(':') }),
    ...(stack?.merged === undefined ? {} : { MergedDir: stack.merged }),
    ...(stack === undefined ? {} : { UpperDir: stack.upper }),
    ...(stack?.work === undefined ? {} : { WorkDir: stack.work }),
  };
  return { Data: Object.keys(data).length === 0 ? null : data, Name: name };
}
