import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { ensurePrograms } from '../../tools/bootstrap.ts';
import { type LocalRegistry, startLocalRegistry } from '../../tools/local-registry.ts';
import { uploadImage } from '../../tools/upload-image.ts';
import { busyboxLayer } from '../harness/busybox-image.ts';
import { startEngine, type TestEngine } from '../harness/engine.ts';
import { waitFor } from '../harness/wait-for.ts';
import { makeTar } from '../images/made-image.ts';
import { brokenInvariants, missingLine } from './invariants.ts';
import { setTrap } from './kill-at.ts';

/**
 * The daemon is killed on entry to its first changing system call of an operation, then to its second, and so on, until
 * the operation gets through. After each death the next daemon must find a world that it can explain.
 *
 * `GANTRY_CRASH=full` takes every step; otherwise steps are spread so that each operation dies about ten times.
 */

const maxSteps = 400;
const isFull = process.env.GANTRY_CRASH === 'full';

let engine: TestEngine;
let registry: LocalRegistry;
let bystanderPid: string;

beforeAll(async () => {
  ensurePrograms('strace', 'busybox', 'docker-registry');
  engine = await startEngine();
  registry = await startLocalRegistry(`${engine.root}/registry`);
  await uploadImage({
    registry: registry.host,
    repository: 'small',
    tag: '1',
    layers: [await busyboxLayer()],
    config: { Cmd: ['true'] },
  });
  // A container that has nothing to do with it all, and must not notice.
  await engine.output('docker', [
    'run',
    '-d',
    '--name',
    'bystander',
    'busybox',
    'sh',
    '-c',
    'i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done',
  ]);
  bystanderPid = await engine.output('docker', ['inspect', 'bystander', '--format', '{{.State.Pid}}']);
}, 120_000);

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

type Operation = {
  readonly name: string;
  /** Makes what the operation needs. */
  readonly prepare: () => Promise<unknown>;
  /** The operation, through a client that may lose its engine on the way. */
  readonly act: readonly string[];
  /** What else must hold after the restart; the operation may have happened or not. */
  readonly expectAfter?: () => Promise<void>;
  /** Takes everything away again; all of it must work. */
  readonly cleanUp: () => Promise<unknown>;
};

const docker = (...argv: string[]): Promise<string> => engine.output('docker', argv);
const removeSubject = (): Promise<unknown> => engine.run('docker', ['rm', '-f', 'subject']);
const createSubject = (...command: string[]): Promise<string> =>
  docker('create', '--name', 'subject', '-p', '127.0.0.1::80', 'busybox', ...command);
const runSubject = (): Promise<string> =>
  docker('run', '-d', '--name', 'subject', '-v', '/data', '-p', '127.0.0.1::80', 'busybox', 'sleep', '1000');
const stateOf = (name: string): Promise<string> =>
  docker('inspect', name, '--format', '{{.State.Status}} {{.State.ExitCode}}');

const operations: readonly Operation[] = [
  {
    name: 'create',
    prepare: async () => undefined,
    act: ['create', '--name', 'subject', '-v', '/data', 'busybox', 'true'],
    cleanUp: removeSubject,
  },
  {
    name: 'start',
    prepare: () => createSubject('sleep', '1000'),
    act: ['start', 'subject'],
    expectAfter: async () => expect(await stateOf('subject')).toMatch(/^(created|running) 0$|^exited \d+$/),
    cleanUp: removeSubject,
  },
  {
    name: 'stop',
    prepare: runSubject,
    act: ['stop', '-t', '0', 'subject'],
    expectAfter: async () => expect(await stateOf('subject')).toMatch(/^(running 0|exited 137)$/),
    cleanUp: removeSubject,
  },
  { name: 'remove', prepare: runSubject, act: ['rm', '-f', '-v', 'subject'], cleanUp: removeSubject },
  {
    name: 'run to its end',
    prepare: async () => undefined,
    act: ['run', '--name', 'subject', 'busybox', 'sh', '-c', 'exit 5'],
    expectAfter: async () => {
      const exists = (await engine.run('docker', ['inspect', 'subject'])).exitCode === 0;
      if (!exists) return;
      const state = await waitFor(
        'the subject to be created or done',
        async () => /^(created|exited) .*/.exec(await stateOf('subject'))?.[0],
      );
      // Its own exit code, or the one for a process whose shim never let it begin.
      expect(state).toMatch(/^(created 0|exited (5|1\d\d))$/);
    },
    cleanUp: removeSubject,
  },
  {
    name: 'pull',
    prepare: async () => undefined,
    act: ['pull', '-q', 'REGISTRY/small:1'],
    expectAfter: async () => {
      // Whatever was half done, the same pull now succeeds, and the image works.
      await docker('pull', '-q', `${registry.host}/small:1`);
      expect(await docker('run', '--rm', `${registry.host}/small:1`, 'echo', 'whole')).toBe('whole');
    },
    cleanUp: () => docker('rmi', `${registry.host}/small:1`),
  },
  {
    name: 'commit',
    prepare: () => docker('run', '--name', 'subject', '--network', 'none', 'busybox', 'sh', '-c', 'echo kept > /f'),
    act: ['commit', 'subject', 'subject:1'],
    expectAfter: async () => {
      await docker('commit', 'subject', 'subject:1');
      expect(await docker('run', '--rm', '--network', 'none', 'subject:1', 'cat', '/f')).toBe('kept');
    },
    cleanUp: async () => {
      await removeSubject();
      await engine.run('docker', ['rmi', '-f', 'subject:1']);
      await docker('image', 'prune', '-f');
    },
  },
  {
    name: 'cp',
    prepare: () => docker('create', '--name', 'subject', '--network', 'none', 'busybox', 'cat', '/root/hosts'),
    act: ['cp', '/etc/hosts', 'subject:/root/'],
    expectAfter: async () => {
      await docker('cp', '/etc/hosts', 'subject:/root/');
      expect(await docker('start', '-a', 'subject')).toContain('127.0.0.1');
    },
    cleanUp: removeSubject,
  },
  {
    name: 'push',
    prepare: () => {
      const stdin = makeTar([{ kind: 'file', path: 'new', text: randomUUID() }]);
      return engine.output('docker', ['import', '-', `${registry.host}/pushed`], { stdin });
    },
    act: ['push', 'REGISTRY/pushed'],
    expectAfter: async () => {
      // Whatever was half sent, the same push now succeeds, and the registry has all of it.
      await docker('push', `${registry.host}/pushed`);
      await docker('rmi', `${registry.host}/pushed`);
      await docker('pull', '-q', `${registry.host}/pushed`);
    },
    cleanUp: () => docker('rmi', `${registry.host}/pushed`),
  },
  {
    name: 'exec',
    prepare: runSubject,
    act: ['exec', 'subject', 'true'],
    expectAfter: async () => expect(await stateOf('subject')).toBe('running 0'),
    cleanUp: removeSubject,
  },
  {
    name: 'network create',
    prepare: async () => undefined,
    act: ['network', 'create', 'subject-net'],
    cleanUp: () => engine.run('docker', ['network', 'rm', 'subject-net']),
  },
];

describe('kill -9 at every step', () => {
  for (const operation of operations) {
    test(`of ${operation.name}: the next daemon explains the world`, () => crashThrough(operation), 600_000);
  }
});

async function crashThrough(operation: Operation): Promise<void> {
  let deaths = 0;
  for (let step = 1; step < maxSteps; step += isFull ? 1 : 1 + Math.floor(step / 3)) {
    await operation.prepare();
    const died = await dieAt(operation, step);
    await operation.expectAfter?.();
    expect({ operation: operation.name, step, broken: await brokenInvariants(engine) }).toEqual({
      operation: operation.name,
      step,
      broken: [],
    });
    await operation.cleanUp();
    await expectBystanderUnmoved();
    if (!died) break;
    deaths++;
  }
  // An operation that nothing could kill was not tested.
  expect(deaths).toBeGreaterThan(3);
}

/** @returns whether the daemon died; false when the operation ended before it made so many steps */
async function dieAt(operation: Operation, step: number): Promise<boolean> {
  const argv = operation.act.map((word) => word.replace('REGISTRY', registry.host));
  {
    await using _trap = await setTrap(engine.pid(), step);
    await engine.run('docker', argv, { timeoutMs: 30_000 });
  }
  const died = !(await engine.api('GET', '/_ping').then(
    (response) => response.ok,
    () => false,
  ));
  await engine.kill9();
  await engine.start();
  return died;
}

async function expectBystanderUnmoved(): Promise<void> {
  expect(await docker('inspect', 'bystander', '--format', '{{.State.Status}} {{.State.Pid}} {{.RestartCount}}')).toBe(
    `running ${bystanderPid} 0`,
  );
  expect(missingLine(await docker('logs', 'bystander'))).toBeUndefined();
}

test('a container that ends while no daemon runs is found ended, with its exit code and its whole log', async () => {
  await docker(
    'run',
    '-d',
    '--name',
    'alone',
    'busybox',
    'sh',
    '-c',
    'for i in 1 2 3 4 5; do echo $i; sleep 0.1; done; exit 42',
  );
  const pid = Number(await docker('inspect', 'alone', '--format', '{{.State.Pid}}'));
  await engine.kill9();
  await waitFor('the container to end', () => !processExists(pid));
  await engine.start();
  expect(await stateOf('alone')).toBe('exited 42');
  expect(await docker('logs', 'alone')).toBe('1\n2\n3\n4\n5');
  await docker('rm', 'alone');
});

test('attach works again on a container from before the crash, in both directions', async () => {
  await docker(
    'run',
    '-d',
    '-i',
    '--name',
    'talker',
    'busybox',
    'sh',
    '-c',
    'while [ "$line" != two ]; do read line; echo "heard $line"; done; exit 9',
  );
  await engine.kill9();
  await engine.start();
  const result = await engine.run('docker', ['attach', 'talker'], { stdin: 'one\ntwo\n' });
  expect(result).toEqual({ stdout: 'heard one\nheard two\n', stderr: '', exitCode: 9 });
  await docker('rm', 'talker');
});

test('a container with a restart policy is started again after it ended without a daemon', async () => {
  await docker('run', '-d', '--name', 'always', '--restart', 'always', 'busybox', 'sleep', '1000');
  const pid = Number(await docker('inspect', 'always', '--format', '{{.State.Pid}}'));
  await engine.kill9();
  process.kill(pid, 'SIGKILL');
  await waitFor('the container to end', () => !processExists(pid));
  await engine.start();
  await waitFor('it runs again', async () => (await stateOf('always')) === 'running 0');
  await docker('rm', '-f', 'always');
});

test('what a dead daemon published is reachable through the next one', async () => {
  await docker(
    'run',
    '-d',
    '--name',
    'web',
    '-p',
    '127.0.0.1::80',
    'busybox',
    'sh',
    '-c',
    'mkdir /www; echo page >/www/index.html; exec httpd -f -h /www',
  );
  const address = await docker('port', 'web', '80/tcp');
  const page = (): Promise<string | undefined> =>
    fetch(`http://${address}/`)
      .then((response) => response.text())
      .catch(() => undefined);
  await waitFor('the page', async () => (await page()) === 'page\n');
  await engine.kill9();
  await engine.start();
  expect(await docker('port', 'web', '80/tcp')).toBe(address);
  await waitFor('the page again', async () => (await page()) === 'page\n');
  await docker('rm', '-f', 'web');
});

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // ESRCH
  }
}
