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

/** A tracer that kills a process at one of its steps. Disposing lets the process go, if it came through alive. */
type Trap = AsyncDisposable;

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
  const status = Bun.file(`/proc/${pid}/status`);
  // What the daemon does by itself may be the step: then it is gone already.
  await waitFor('strace holds the daemon', async () => !/^TracerPid:\s+0$/m.test(await status.text().catch(() => '')));
  return {
    [Symbol.asyncDispose]: async () => {
      // Not SIGINT: strace would let go of thread by thread, and waits for ever when they die meanwhile. The kernel lets
      // go of everything that a dead tracer held.
      tracer.kill('SIGKILL');
      await tracer.exited;
    },
  };
}
