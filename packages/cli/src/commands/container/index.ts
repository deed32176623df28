import type { CommandRow } from '../../command.ts';
import { runCommand } from './run.ts';

/** `gantry container …` and its short spellings, in order of name. */
export const containerCommands: readonly CommandRow[] = [
  {
    names: ['container attach', 'attach'],
    short: 'Attach local standard input, output, and error streams to a running container',
    load: async () => (await import('./attach.ts')).attachCommand,
  },
  {
    names: ['container commit', 'commit'],
    short: "Create a new image from a container's changes",
    load: async () => (await import('./commit.ts')).commitCommand,
  },
  {
    names: ['container cp', 'cp'],
    short: 'Copy files/folders between a container and the local filesystem',
    load: async () => (await import('./copy.ts')).copyCommand,
  },
  {
    names: ['container create', 'create'],
    short: 'Create a new container',
    load: async () => (await import('./create.ts')).createCommand,
  },
  {
    names: ['container diff', 'diff'],
    short: "Inspect changes to files or directories on a container's filesystem",
    load: async () => (await import('./diff.ts')).diffCommand,
  },
  {
    names: ['container exec', 'exec'],
    short: 'Execute a command in a running container',
    load: async () => (await import('./exec.ts')).execCommand,
  },
  {
    names: ['container export', 'export'],
    short: "Export a container's filesystem as a tar archive",
    load: async () => (await import('./export.ts')).exportCommand,
  },
  {
    names: ['container inspect'],
    short: 'Display detailed information on one or more containers',
    load: async () => (await import('./inspect.ts')).inspectCommand,
  },
  {
    names: ['container kill', 'kill'],
    short: 'Kill one or more running containers',
    load: async () => (await import('./signal.ts')).killCommand,
  },
  {
    names: ['container logs', 'logs'],
    short: 'Fetch the logs of a container',
    load: async () => (await import('./logs.ts')).logsCommand,
  },
  {
    names: ['container ls', 'container list', 'container ps', 'ps'],
    short: 'List containers',
    load: async () => (await import('./list.ts')).listCommand,
  },
  {
    names: ['container pause', 'pause'],
    short: 'Pause all processes within one or more containers',
    load: async () => (await import('./signal.ts')).pauseCommand,
  },
  {
    names: ['container port', 'port'],
    short: 'List port mappings or a specific mapping for the container',
    load: async () => (await import('./port.ts')).portCommand,
  },
  {
    names: ['container prune'],
    short: 'Remove all stopped containers',
    load: async () => (await import('./prune.ts')).pruneCommand,
  },
  {
    names: ['container rename', 'rename'],
    short: 'Rename a container',
    load: async () => (await import('./rename.ts')).renameCommand,
  },
  {
    names: ['container restart', 'restart'],
    short: 'Restart one or more containers',
    load: async () => (await import('./stop.ts')).restartCommand,
  },
  {
    names: ['container rm', 'container remove', 'rm'],
    short: 'Remove one or more containers',
    load: async () => (await import('./remove.ts')).removeCommand,
  },
  {
    names: ['container run', 'run'],
    short: 'Create and run a new container from an image',
    // Not loaded late like the others: nothing is typed more often, and its twenty small chunks take a millisecond.
    load: async () => runCommand,
  },
  {
    names: ['container start', 'start'],
    short: 'Start one or more stopped containers',
    load: async () => (await import('./start.ts')).startCommand,
  },
  {
    names: ['container stats', 'stats'],
    short: 'Display a live stream of container(s) resource usage statistics',
    load: async () => (await import('./stats.ts')).statsCommand,
  },
  {
    names: ['container stop', 'stop'],
    short: 'Stop one or more running containers',
    load: async () => (await import('./stop.ts')).stopCommand,
  },
  {
    names: ['container top', 'top'],
    short: 'Display the running processes of a container',
    load: async () => (await import('./top.ts')).topCommand,
  },
  {
    names: ['container unpause', 'unpause'],
    short: 'Unpause all processes within one or more containers',
    load: async () => (await import('./signal.ts')).unpauseCommand,
  },
  {
    names: ['container update', 'update'],
    short: 'Update configuration of one or more containers',
    load: async () => (await import('./update.ts')).updateCommand,
  },
  {
    names: ['container wait', 'wait'],
    short: 'Block until one or more containers stop, then print their exit codes',
    load: async () => (await import('./wait.ts')).waitCommand,
  },
];
