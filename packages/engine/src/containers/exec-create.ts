import { EngineError, formatId } from '@gantry/base';
import type { ExecRequest } from '../engine.ts';
import { containerEvent } from './container-event.ts';
import type { ContainerDeps } from './deps.ts';
import { parseDetachKeys } from './detach-keys.ts';
import { refuseNul } from './settle-create.ts';

/**
 * Notes a command to run in a running container.
 *
 * @returns the exec's ID
 * @throws conflict with Docker's texts when the container does not run
 */
export function createExec(deps: ContainerDeps, ref: string, request: ExecRequest): string {
  const container = deps.store.resolve(ref);
  const { id, status } = container;
  if (status.kind === 'restarting')
    throw new EngineError('conflict', `Container ${id} is restarting, wait until the container is running`);
  if (status.kind !== 'running') throw new EngineError('conflict', `container ${id} is not running`);
  if (status.paused) throw new EngineError('conflict', `Container ${ref} is paused, unpause the container before exec`);
  if (request.cmd.length === 0 || request.cmd[0] === '') throw new EngineError('invalid', 'No exec command specified');
  refuseNul({ Cmd: request.cmd, Env: request.env, User: [request.user], WorkingDir: [request.workingDir] });
  parseDetachKeys(request.detachKeys ?? '');

  const execId = formatId(deps.random(32));
  deps.db.tx(() => {
    deps.execs.insert({ id: execId, containerId: id, request });
    deps.events.record('container', `exec_create: ${request.cmd.join(' ')}`, id, {
      ...containerEvent(container),
      execID: execId,
    });
  });
  return execId;
}
