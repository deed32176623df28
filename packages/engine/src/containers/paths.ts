import { join } from 'node:path';

/** Where the files of one container lie. */
export type ContainerPaths = {
  readonly dir: string;
  readonly log: string;
  readonly exitRecord: string;
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
  readonly init: string;
};

export function containerPaths(dataRoot: string, id: string): ContainerPaths {
  const dir = join(containersDir(dataRoot), id);
  return {
    dir,
    log: join(dir, `${id}-json.log`),
    exitRecord: join(dir, 'exit'),
    hosts: join(dir, 'hosts'),
    hostname: join(dir, 'hostname'),
    resolvConf: join(dir, 'resolv.conf'),
    init: join(dir, 'init'),
  };
}

export function containersDir(dataRoot: string): string {
  return join(dataRoot, 'containers');
}
