import type { ExecInspectWire } from '@gantry/api';
import type { ExecRecord } from '@gantry/engine';

export function printExec(exec: ExecRecord): ExecInspectWire {
  const { request } = exec;
  return {
    ID: exec.id,
    Running: exec.running,
    ExitCode: exec.exitCode ?? null,
    ProcessConfig: {
      tty: request.tty,
      entrypoint: request.cmd[0] ?? '',
      arguments: request.cmd.slice(1),
      privileged: request.privileged,
      ...(request.user === '' ? {} : { user: request.user }),
    },
    OpenStdin: request.attachStdin,
    OpenStderr: request.attachStderr,
    OpenStdout: request.attachStdout,
    CanRemove: exec.canRemove,
    ContainerID: exec.containerId,
    DetachKeys: request.detachKeys ?? '',
    Pid: exec.pid,
  };
}
