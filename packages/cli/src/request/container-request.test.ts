import { expect, test } from 'bun:test';
import { createBody, isJsonObject, type Json } from '@gantry/api';
import { parseFlags } from '@gantry/base';
import { runCommand } from '../commands/container/run.ts';
import { expectGolden } from '../golden-fixture.ts';
import { type ContainerRequest, containerRequest } from './container-request.ts';

const files: Readonly<Record<string, string>> = {
  'env.txt': '# comment\nFROM_FILE=1\nHOME\nUNSET\n  INDENTED=a b \n',
  'labels.txt': 'one=1\ntwo\n',
  'seccomp.json': '{\n  "defaultAction": "SCMP_ACT_ALLOW"\n}\n',
};

function request(line: string): ContainerRequest {
  const words = line.match(/'[^']*'|\S+/g) ?? [];
  const flags = parseFlags(
    words.map((word) => word.replace(/^'|'$/g, '')),
    runCommand.flags,
    { interspersed: false },
  );
  const [image = '', ...command] = flags.rest;
  return containerRequest(
    flags,
    { image, command },
    {
      environment: { HOME: '/root', EMPTY: '' },
      readFile: (path) => files[path] ?? '',
      absolute: (path) => `/home/user/${path}`.replace('/./', '/'),
    },
  );
}

/** What a line asks for beyond the plainest one, member by member, as it goes over the wire. */
function difference(wire: Json | undefined, plain: Json | undefined, at: string): string[] {
  if (JSON.stringify(wire) === JSON.stringify(plain)) return [];
  if (!isJsonObject(wire) || !isJsonObject(plain)) return [`  ${at} = ${JSON.stringify(wire)}`];
  const keys = [...new Set([...Object.keys(wire), ...Object.keys(plain)])];
  return keys.flatMap((key) => difference(wire[key], plain[key], at === '' ? key : `${at}.${key}`));
}

const lines = [
  '-it busybox sh',
  '-i busybox cat',
  '-a stdout busybox true',
  '-e A=1 -e HOME -e MISSING -e EMPTY --env-file env.txt busybox',
  '-l a=b -l c --label-file labels.txt busybox',
  '-p 80 -p 8080:81 -p 127.0.0.1:53:53/udp -p 9000-9002:90-92 -p 7000-7010:70 -p [::1]:1:1 busybox',
  '-p published=8080,target=80,protocol=udp --expose 100-102/tcp --expose 200/udp -P busybox',
  '-v /host:/in:ro -v name:/data -v ./rel:/rel -v /anonymous busybox',
  '--mount type=bind,src=/a,dst=/b,ro,bind-propagation=rslave --mount target=/v,source=vol,volume-nocopy,volume-label=a=b,volume-driver=local,volume-opt=o=bind busybox',
  '--mount type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=1770 --tmpfs /run:rw,size=1m --tmpfs /x busybox',
  '--network host busybox',
  '--network web --network-alias db --ip 10.0.0.5 --link other:o busybox',
  '--network name=web,alias=a,alias=b,ip=10.0.0.6,driver-opt=k=v,gw-priority=3 --network other busybox',
  '--link other:o --mac-address 02:42:ac:11:00:02 busybox',
  '-m 64m --memory-swap -1 --memory-reservation 32M --cpus 1.5 -c 512 --cpuset-cpus 0-1 --pids-limit 100 busybox',
  '--blkio-weight 300 --blkio-weight-device /dev/sda:100 --device-read-bps /dev/sda:1mb --device-write-iops /dev/sda:50 busybox',
  "--device /dev/null --device /dev/zero:/dev/z:r --device-cgroup-rule 'c 1:3 rwm' --device vendor.com/gpu=0 busybox",
  '--gpus all --gpus device=1,capabilities=utility busybox',
  '--ulimit nofile=100:200 --ulimit core=-1 busybox',
  "--health-cmd 'curl localhost' --health-interval 1m30s --health-timeout 500ms --health-retries 3 busybox",
  '--no-healthcheck busybox',
  '--restart on-failure:5 --stop-signal INT --stop-timeout 0 busybox',
  '--rm --init --privileged --read-only --name box --platform linux/arm64 busybox',
  '--init=false --entrypoint /bin/sh -w /tmp -u 1000:1000 -h box --domainname example.com busybox -c true',
  '--entrypoint= busybox',
  '--security-opt no-new-privileges --security-opt seccomp=seccomp.json --security-opt label:disable --security-opt systempaths=unconfined busybox',
  '--cap-add NET_ADMIN --cap-drop ALL --group-add audio --pid host --ipc private --uts host --cgroupns private --userns host busybox',
  '--add-host db:10.0.0.1 --add-host six=[::1] --add-host gw:host-gateway --dns 9.9.9.9 --dns-search example.com --dns-option ndots:2 busybox',
  '--sysctl net.core.somaxconn=1 --shm-size 1g --log-driver json-file --log-opt max-size=1m --storage-opt size=1G --annotation a=b busybox',
  '--cidfile /tmp/id --volumes-from other:ro --volume-driver nfs --runtime runc --oom-kill-disable --oom-score-adj -5 --memory-swappiness 10 busybox',
];

test('each flag of run becomes this part of the request', () => {
  const plain = createBody.print(request('busybox'));
  const goldens = lines.map((line) =>
    [`run ${line}`, ...difference(createBody.print(request(line)), plain, '')].join('\n'),
  );
  expectGolden('run-requests', `run busybox\n${JSON.stringify(plain, undefined, 1)}\n\n${goldens.join('\n\n')}\n`);
});

test.each([
  ['-p 1:2:3:4:5 b', 'invalid IP address: 1:2:3'],
  ['-p abc b', 'invalid containerPort: abc'],
  ['-p 99999:1 b', 'invalid hostPort: 99999'],
  ['-p 80:90-92 b', 'invalid ranges specified for container and host Ports: 90-92 and 80'],
  ['-p 80/icmp b', 'invalid proto: icmp'],
  ['--expose abc b', 'invalid range format for --expose: abc, error: strconv.ParseUint: parsing "abc": invalid syntax'],
  ['--rm --restart always b', 'conflicting options: cannot specify both --restart and --rm'],
  ['--restart :1 b', 'invalid restart policy format: no policy provided before colon'],
  ['--restart on-failure:x b', 'invalid restart policy format: maximum retry count must be an integer'],
  ['--pid x b', '--pid: invalid PID mode'],
  ['--cgroupns x b', '--cgroupns: invalid CGROUP mode'],
  ['--security-opt x b', 'Invalid --security-opt: "x"'],
  ['--mac-address x b', 'x is not a valid mac address'],
  ['--network a --network a b', 'network "a" is specified multiple times'],
  [
    '--network a --network host b',
    'conflicting options: cannot attach both user-defined and non-user-defined network-modes',
  ],
  ['--network-alias x b', 'network-scoped aliases are only supported for user-defined networks'],
  [
    '--network name=a,ip=10.0.0.1 --ip 10.0.0.2 b',
    'conflicting options: cannot specify both --ip and per-network IPv4 address',
  ],
  ['--memory-swappiness 200 b', 'invalid value: 200. Valid memory swappiness range is 0-100'],
  ['--no-healthcheck --health-cmd x b', '--no-healthcheck conflicts with --health-* options'],
  ['--health-interval=-1s b', '--health-interval cannot be negative'],
  ['--log-driver none --log-opt a=b b', 'invalid logging opts for driver none'],
  ['--storage-opt x b', 'invalid storage option'],
  ['--device a:b:c:d b', 'bad format for path: a:b:c:d'],
])("run %s is refused in Docker's words", (line, message) => {
  expect(() => request(line)).toThrow(message);
});
