import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startEngine, type TestEngine } from '../harness/engine.ts';

/** The same command line, given to docker's client and to ours, on the same engine: the same output, the same exit code. */

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.output('docker', [
    'create',
    '--name',
    'made',
    '-p',
    '8080:80',
    '--label',
    'a=b',
    '-v',
    'vol:/data',
    'busybox',
    'true',
  ]);
  await engine.output('docker', ['run', '-d', '--name', 'runs', '--network', 'none', 'busybox', 'sleep', '1000']);
  await engine.run('docker', [
    'run',
    '--name',
    'done',
    '--network',
    'none',
    'busybox',
    'sh',
    '-c',
    'echo out; echo err >&2; exit 3',
  ]);
});
afterAll(() => engine[Symbol.asyncDispose]());

const lines = [
  'ps -aq',
  'ps -a --no-trunc --format {{.ID}}|{{.Names}}|{{.Ports}}|{{.Mounts}}|{{.Labels}}',
  'ps -a --format table_{{.Names}}\\t{{upper_.Image}}',
  'ps -a --format {{json_.Labels}}{{.Label_"a"}}',
  'ps -a --format {{.Nope}}',
  'ps --filter bad',
  'ps --filter nope=1',
  'ps extra',
  'inspect done',
  'inspect -f {{.State.Status}}_{{.State.ExitCode}}_{{json_.Config.Cmd}} done made',
  'inspect -f {{range_$k,$v:=.HostConfig.PortBindings}}{{$k}}={{(index_$v_0).HostPort}}{{end}} made',
  'inspect -f {{.Nope}} done',
  'inspect -f {{.Nope done',
  'image inspect busybox -f {{.Os}}',
  'network inspect bridge',
  'volume inspect vol nope',
  'images -q',
  'images --no-trunc --format {{.Repository}}:{{.Tag}}_{{.Size}}',
  'network ls --no-trunc',
  'volume ls',
  'port made',
  'port made 81',
  'logs done',
  'logs -n 1 done',
  'logs nope',
  'wait done',
  'exec runs sh -c exit_4',
  'exec runs nope',
  'exec done true',
  'exec nope true',
  'run --rm --network none busybox sh -c exit_7',
  'run --rm --network none busybox nope',
  'run --rm --network none busybox /etc',
  'run --name done busybox true',
  'run --foo busybox',
  'run -m x busybox',
  'run -p 99999:1 busybox',
  'run --rm --restart always busybox',
  'run --pull sometimes busybox',
  'run -it busybox true',
  'run',
  'rm nope',
  'rm -f nope',
  'rm runs',
  'rename nope x',
  'start nope',
  'stop nope',
  'kill done',
  'pause done',
  'tag busybox BAD',
  'tag nope x',
  'rmi nope',
  'update done',
  'network rm nope bridge',
  'network create --gateway 10.0.0.1 n',
  'network connect nope runs',
  'volume rm nope',
  'container nope',
  'nope',
  'pull BAD',
  'attach done',
  'events --since 1h --until 0s --filter container=done --format {{.Type}}_{{.Action}}_{{.Actor.Attributes.exitCode}}',
];

test.each(lines)('%s', async (line) => {
  const words = line.split(' ').map((word) => word.replaceAll('_', ' '));
  const [theirs, ours] = await Promise.all([engine.run('docker', words), engine.run('gantry', words)]);
  const renamed = {
    ...ours,
    stderr: ours.stderr.replace(/^gantry:/, 'docker:').replace(/(['\s])gantry /g, '$1docker '),
  };
  expect(renamed).toEqual(theirs);
});
