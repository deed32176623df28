import { expect, test } from 'bun:test';
import { checkPlan, formatPlan, type Plan } from '@gantry/native';
import type { LinuxNamespaceType, RuntimeMount } from '@gantry/oci';
import { compile } from './compile.ts';
import { defaultMounts } from './default-spec.ts';
import { compileContext, dockerSpec, expectGolden, hostFacts, hybrid, v1 } from './fixture.ts';

const sha256 = (bytes: Uint8Array): string => new Bun.CryptoHasher('sha256').update(bytes).digest('hex').slice(0, 12);

/** The plan as text, with filters shown by digest, after checkPlan found nothing wrong. */
function text(plan: Plan): string {
  expect(checkPlan(plan)).toEqual([]);
  const filters = plan.child.flatMap((act) => (act.verb === 'seccomp' ? [`seccomp ${sha256(act.program)}\n`] : []));
  return formatPlan(plan) + filters.join('');
}

const standard = text(compile(dockerSpec(), compileContext()));

/** What a change of the input changes in the standard plan: lines that went and lines that came. */
function changes(plan: Plan): string {
  const before = standard.split('\n');
  const after = text(plan).split('\n');
  const lengths = after.map(() => new Array<number>(before.length + 1).fill(0));
  lengths.push(new Array<number>(before.length + 1).fill(0));
  const at = (row: number, column: number): number => lengths[row]?.[column] ?? 0;
  for (let row = after.length - 1; row >= 0; row--) {
    for (let column = before.length - 1; column >= 0; column--) {
      const same = after[row] === before[column];
      const length = same ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
      lengths[row]?.splice(column, 1, length);
    }
  }
  const lines: string[] = [];
  for (let row = 0, column = 0; row < after.length || column < before.length; ) {
    if (row < after.length && column < before.length && after[row] === before[column]) {
      row++;
      column++;
    } else if (column < before.length && (row === after.length || at(row, column + 1) >= at(row + 1, column))) {
      lines.push(`-${before[column++]}`);
    } else lines.push(`+${after[row++]}`);
  }
  return lines.length === 0 ? '(nothing)\n' : `${lines.join('\n')}\n`;
}

const golden = (name: string, body: string): void => expectGolden(import.meta.dir, name, body);

test('the default container, as a whole plan', () => golden('default', standard));

test('the default container on cgroup v1, where it joins each hierarchy by itself', () => {
  const facts = hostFacts({ cgroup: v1 });
  golden('default-v1', text(compile(dockerSpec({}, facts), compileContext({ facts }))));
});

test('a hybrid host is used like cgroup v1', () => {
  const v1Facts = hostFacts({ cgroup: v1 });
  const facts = hostFacts({ cgroup: hybrid });
  expect(text(compile(dockerSpec(), compileContext({ facts })))).toBe(
    text(compile(dockerSpec(), compileContext({ facts: v1Facts }))),
  );
});

test('arm64 has its own filter', () => {
  const facts = hostFacts({ architecture: 'arm64' });
  golden('arm64', changes(compile(dockerSpec({}, facts), compileContext({ facts }))));
});

test('each option changes these lines of the default plan', () => {
  const cases: Readonly<Record<string, () => Plan>> = {
    tty: () =>
      compile(dockerSpec({ process: { terminal: true, consoleSize: { height: 24, width: 80 } } }), compileContext()),
    'stdin open once': () =>
      compile(dockerSpec(), compileContext({ shim: { ...compileContext().shim, openStdin: true, stdinOnce: true } })),
    'no new privileges': () => compile(dockerSpec({ process: { noNewPrivileges: true } }), compileContext()),
    'seccomp unconfined': () => compile(dockerSpec({ linux: { seccomp: undefined } }), compileContext()),
    'read-only root': () => compile(dockerSpec({ root: { path: '/unused', readonly: true } }), compileContext()),
    'numeric user': () =>
      compile(dockerSpec({ process: { user: { uid: 7, gid: 8, additionalGids: [9, 10] } } }), compileContext()),
    'numeric user without HOME': () =>
      compile(dockerSpec({ process: { user: { uid: 7, gid: 8, additionalGids: [9] }, env: [] } }), compileContext()),
    'user text': () => compile(dockerSpec(), compileContext({ user: { spec: 'www-data:7', groups: ['video'] } })),
    'no capabilities': () => compile(dockerSpec({ process: { capabilities: undefined } }), compileContext()),
    umask: () => compile(dockerSpec({ process: { user: { uid: 0, gid: 0, umask: 0o77 } } }), compileContext()),
    rlimits: () =>
      compile(
        dockerSpec({ process: { rlimits: [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 2 ** 64 }] } }),
        compileContext(),
      ),
    priorities: () =>
      compile(
        dockerSpec({
          process: {
            oomScoreAdj: -500,
            ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 3 },
            scheduler: { policy: 'SCHED_BATCH', nice: 5 },
          },
        }),
        compileContext(),
      ),
    personality: () => compile(dockerSpec({ linux: { personality: { domain: 'LINUX32' } } }), compileContext()),
    labels: () =>
      compile(
        dockerSpec({ process: { apparmorProfile: 'docker-default', selinuxLabel: 'u:r:t' } }),
        compileContext({ facts: hostFacts({ apparmor: true, selinux: true }) }),
      ),
    sysctls: () =>
      compile(
        dockerSpec({ linux: { sysctl: { 'net.ipv4.ip_forward': '1', 'net/ipv4/conf/e.1/rp_filter': '2' } } }),
        compileContext(),
      ),
    'keyring of the caller': () => compile(dockerSpec(), compileContext({ ownKeyring: false })),
    'no masked paths': () => compile(dockerSpec({ linux: { maskedPaths: [], readonlyPaths: [] } }), compileContext()),
    device: () =>
      compile(
        dockerSpec({
          linux: {
            devices: [{ type: 'c', path: '/dev/fuse', major: 10, minor: 229, fileMode: 0o600, uid: 1, gid: 2 }],
          },
        }),
        compileContext(),
      ),
    'root of a bundle': () => compile(dockerSpec(), compileContext({ root: { kind: 'path', path: '/bundle/rootfs' } })),
    'volatile root': () => {
      const { root } = compileContext();
      return compile(
        dockerSpec(),
        compileContext({ root: root.kind === 'overlay' ? { ...root, volatile: true } : root }),
      );
    },
    'read-only view of one layer': () => {
      const { root } = compileContext();
      const view = { ...root, lower: ['s/1/fs'], upper: undefined, work: undefined };
      return compile(dockerSpec(), compileContext({ root: view.kind === 'overlay' ? view : root }));
    },
    'empty image': () => {
      const { root } = compileContext();
      return compile(dockerSpec(), compileContext({ root: root.kind === 'overlay' ? { ...root, lower: [] } : root }));
    },
    'shared root': () => compile(dockerSpec({ linux: { rootfsPropagation: 'shared' } }), compileContext()),
    'network acts': () =>
      compile(
        dockerSpec(),
        compileContext({
          network: {
            parentActs: [{ verb: 'netlinkSocket', family: 0, reg: 200 }],
            childActs: [
              {
                verb: 'netlink',
                socket: 200,
                messages: Uint8Array.of(1, 2),
                patchOffsets: new Uint8Array(),
                patchReg: undefined,
              },
            ],
          },
        }),
      ),
    'first use of a volume': () =>
      compile(dockerSpec(), compileContext({ copyUp: [{ source: '/data', hostTarget: '/vol/_data' }] })),
  };
  golden(
    'options',
    Object.entries(cases)
      .map(([name, plan]) => `== ${name}\n${changes(plan())}`)
      .join('\n'),
  );
});

const namespaceTypes: readonly LinuxNamespaceType[] = ['pid', 'network', 'ipc', 'uts', 'cgroup', 'time'];
const withoutType = (type: LinuxNamespaceType) =>
  (dockerSpec().linux?.namespaces ?? []).filter((namespace) => namespace.type !== type);

test('each namespace, as the host has it and as another container has it', () => {
  const body = namespaceTypes.flatMap((type) => {
    const hostname = type === 'uts' ? { hostname: '' } : {};
    const host = compile(dockerSpec({ ...hostname, linux: { namespaces: withoutType(type) } }), compileContext());
    const joined = [...withoutType(type), { type, path: `/proc/9/ns/${type}` }];
    const other = compile(dockerSpec({ linux: { namespaces: joined } }), compileContext());
    const fresh = compile(dockerSpec({ linux: { namespaces: [...withoutType(type), { type }] } }), compileContext());
    return [
      `== ${type}: host\n${changes(host)}`,
      `== ${type}: joined\n${changes(other)}`,
      `== ${type}: new\n${changes(fresh)}`,
    ];
  });
  golden('namespaces', body.join('\n'));
});

const extraMount = (mount: RuntimeMount) => dockerSpec({ mounts: [...defaultMounts, mount] });

test('binds and tmpfs of each kind', () => {
  const bind = (...options: readonly string[]): RuntimeMount => ({
    destination: '/data',
    type: 'bind',
    source: '/srv',
    options,
  });
  const cases: readonly RuntimeMount[] = [
    bind('rbind', 'rprivate'),
    bind('rbind', 'ro', 'rprivate'),
    bind('rbind', 'rro', 'rprivate'),
    bind('bind', 'nosuid', 'nodev', 'noexec', 'private'),
    bind('rbind', 'rshared'),
    bind('rbind', 'ro', 'rslave'),
    bind('bind', 'unbindable'),
    bind('rbind', 'noatime'),
    {
      destination: '/tmp',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'nodev', 'noexec', 'size=64m', 'mode=1777'],
    },
    { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['ro'] },
    { destination: '/a/../data/', type: 'tmpfs' },
    { destination: '/proc/cpuinfo', type: 'bind', source: '/srv/cpuinfo', options: ['bind', 'ro'] },
  ];
  const body = cases.map((mount) => {
    const plan = compile(extraMount(mount), compileContext());
    return `== ${mount.type} ${mount.destination} ${mount.options?.join(',') ?? ''}\n${changes(plan)}`;
  });
  const sub = compile(extraMount(bind('rbind')), compileContext({ subpaths: { '/data': 'a/b' } }));
  golden('mounts', [...body, `== subpath\n${changes(sub)}`].join('\n'));
});

test('a /dev bound from the host is left as it is', () => {
  const mounts = [
    ...defaultMounts.filter(({ destination }) => !destination.startsWith('/dev')),
    { destination: '/dev', type: 'bind', source: '/dev', options: ['rbind'] },
  ];
  const plan = compile(dockerSpec({ mounts }), compileContext());
  expect(plan.child.filter(({ verb }) => verb === 'mknod' || verb === 'symlink')).toEqual([]);
});

test('privileged: writable /sys and cgroups, nothing masked, every device, no filter', () => {
  const mounts = defaultMounts.map((mount) => ({
    ...mount,
    options: (mount.options ?? []).filter((option) => option !== 'ro'),
  }));
  const linux = {
    maskedPaths: [],
    readonlyPaths: [],
    seccomp: undefined,
    resources: { devices: [{ allow: true, access: 'rwm' }] },
  };
  golden('privileged', changes(compile(dockerSpec({ mounts, linux }), compileContext())));
});

test('documents that cannot be started are refused by name', () => {
  const refused: readonly (readonly [name: string, start: () => Plan])[] = [
    ['no process', () => compile({ ociVersion: '1.2.0' }, compileContext())],
    ['no command', () => compile(dockerSpec({ process: { args: [] } }), compileContext())],
    ['relative cwd', () => compile(dockerSpec({ process: { cwd: 'x' } }), compileContext())],
    ['hook', () => compile(dockerSpec({ hooks: { prestart: [{ path: '/x' }] } }), compileContext())],
    ['user namespace', () => compile(dockerSpec({ linux: { namespaces: [{ type: 'user' }] } }), compileContext())],
    ['no mount namespace', () => compile(dockerSpec({ linux: { namespaces: [] } }), compileContext())],
    [
      'a namespace twice',
      () => compile(dockerSpec({ linux: { namespaces: [{ type: 'mount' }, { type: 'mount' }] } }), compileContext()),
    ],
    [
      'host name of the host',
      () => compile(dockerSpec({ linux: { namespaces: [{ type: 'mount' }, { type: 'ipc' }] } }), compileContext()),
    ],
    ['host sysctl', () => compile(dockerSpec({ linux: { sysctl: { 'kernel.panic': '1' } } }), compileContext())],
    [
      'sysctl that climbs',
      () => compile(dockerSpec({ linux: { sysctl: { 'net/../kernel/core_pattern': '|x' } } }), compileContext()),
    ],
    [
      'volume over /proc',
      () => compile(extraMount({ destination: '/proc', type: 'bind', source: '/srv' }), compileContext()),
    ],
    [
      'volume inside /proc',
      () => compile(extraMount({ destination: '/x/../proc/self', type: 'tmpfs' }), compileContext()),
    ],
    ['volume over /', () => compile(extraMount({ destination: '/a/..', type: 'tmpfs' }), compileContext())],
    ['relative source', () => compile(extraMount({ destination: '/a', type: 'bind', source: 'b' }), compileContext())],
    [
      'remount',
      () => compile(extraMount({ destination: '/a', type: 'tmpfs', options: ['remount'] }), compileContext()),
    ],
    [
      'unknown rlimit',
      () => compile(dockerSpec({ process: { rlimits: [{ type: 'X', soft: 1, hard: 1 }] } }), compileContext()),
    ],
    ['apparmor without it', () => compile(dockerSpec({ process: { apparmorProfile: 'x' } }), compileContext())],
    [
      'seccomp listener',
      () => compile(dockerSpec({ linux: { seccomp: { defaultAction: 'SCMP_ACT_NOTIFY' } } }), compileContext()),
    ],
    [
      'missing controller',
      () =>
        compile(
          dockerSpec({ linux: { resources: { network: { classID: 1 } } } }),
          compileContext({ facts: hostFacts({ cgroup: v1 }) }),
        ),
    ],
  ];
  const messages = refused.map(([name, start]) => {
    try {
      start();
      return `${name}: ACCEPTED`;
    } catch (error) {
      return `${name}: ${error instanceof Error ? error.message : ''}`;
    }
  });
  golden('refused', `${messages.join('\n')}\n`);
});
