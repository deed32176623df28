import { findProgram } from '../../tools/bootstrap.ts';
import { waitFor } from '../harness/wait-for.ts';

/**
 * The system calls that change the world outside a process: files, directories, processes, sockets. Dying on entry to
 * each of them in turn is dying between every two steps that somebody else could see.
 */
const changingCalls = [
  ...['write', 'writev', 'pwrite64', 'pwritev', 'ftruncate', 'fallocate'],
  ...[
    'rename',
    'renameat',
    'renameat2',
    'unlink',
    'unlinkat',
    'mkdir',
    'mkdirat',
    'rmdir',
    'link',
    'linkat',
    'symlink',
    'symlinkat',
  ],
  ...['clone', 'clone3', 'vfork', 'fork', 'execve', 'kill', 'pidfd_send_signal'],
  ...['connect', 'bind', 'sendto', 'sendmsg', 'mount', 'umount2', 'setns', 'fsync', 'fdatasync'],
].join(',');

/** A tracer that kills a process at one of its steps. */
export type Trap = AsyncDisposable & {
  /** The process ended at the step; false when it was let go before it came so far. */
  readonly sprung: () => boolean;
};

/**
 * Lets a process live until it enters its `step`-th changing system call, then kills it as `kill -9` would, before the
 * call is made. The counting is strace's, for each thread by itself; the daemon makes its changes in one.
 */
export async function setTrap(pid: number, step: number): Promise<Trap> {
  const program = findProgram('strace');
  if (program === undefined) throw new Error('strace is missing');
  const tracer = Bun.spawn(
    [
      program,
      ...['--quiet=attach,exit', '-f', '-o', '/dev/null', '-p', String(pid)],
      ...['-e', `trace=${changingCalls}`, '-e', `inject=${changingCalls}:signal=SIGKILL:when=${step}`],
    ],
    { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' },
  );
  await waitFor('strace holds the daemon', () =>
    Bun.file(`/proc/${pid}/status`)
      .text()
      .then((text) => !/^TracerPid:\s+0$/m.test(text)),
  );
  return {
    sprung: () => tracer.exitCode !== null,
    [Symbol.asyncDispose]: async () => {
      tracer.kill('SIGINT'); // strace lets go of what it traces
      await tracer.exited;
    },
  };
}
