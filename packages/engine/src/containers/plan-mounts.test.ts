import { expect, test } from 'bun:test';
import { planMounts } from './plan-mounts.ts';
import { emptyHostConfig } from './record-fixture.ts';
import type { HostConfig, MountPoint, MountSpec } from './types.ts';

type Given = Partial<HostConfig> & { readonly volumes?: readonly string[]; readonly others?: readonly MountPoint[] };

const plan = ({ volumes = [], others = [], ...hostConfig }: Given) =>
  planMounts({ volumes }, { ...emptyHostConfig, ...hostConfig }, () => others);

/** One line a mount: what a reviewer needs to see. */
const lines = (given: Given): string[] =>
  plan(given).map(({ point: p, volume, sourceMustExist }) =>
    [
      `${p.type} ${p.source || p.name || '(anonymous)'} on ${p.destination}`,
      p.writable ? 'rw' : 'ro',
      p.propagation,
      p.copyUp ? 'copy-up' : '',
      p.recursive ? '' : 'non-recursive',
      p.submountsWritable ? 'submounts-writable' : '',
      p.createSource ? 'makes-source' : '',
      sourceMustExist ? 'source-must-exist' : '',
      p.subpath === '' ? '' : `subpath=${p.subpath}`,
      ...p.tmpfsOptions,
      volume === undefined || volume.driver === '' ? '' : `driver=${volume.driver}`,
    ]
      .filter((word) => word !== '')
      .join(' '),
  );

const mount = (spec: Partial<MountSpec>): MountSpec => ({
  type: 'bind',
  source: '',
  target: '/x',
  readOnly: false,
  consistency: '',
  bindOptions: undefined,
  volumeOptions: undefined,
  tmpfsOptions: undefined,
  imageOptions: undefined,
  ...spec,
});
const bindOptions = {
  propagation: '',
  nonRecursive: false,
  createMountpoint: false,
  readOnlyNonRecursive: false,
  readOnlyForceRecursive: false,
};
const volumeOptions = { noCopy: false, labels: {}, driver: undefined, subpath: '' };

test.each<[Given, string[]]>([
  [{ binds: ['/a:/b'] }, ['bind /a on /b rw rprivate makes-source']],
  [{ binds: ['/a/../c/:/b/:ro,rshared,z'] }, ['bind /c on /b ro rshared makes-source']],
  [{ binds: ['data:/b:nocopy,ro'] }, ['volume data on /b ro']],
  [{ binds: ['data:/b'], volumeDriver: 'local' }, ['volume data on /b rw copy-up driver=local']],
  [{ binds: ['/b'] }, ['volume (anonymous) on /b rw copy-up']],
  [{ mounts: [mount({ source: '/a' })] }, ['bind /a on /x rw rprivate source-must-exist']],
  [
    {
      mounts: [
        mount({
          source: '/a',
          readOnly: true,
          bindOptions: { ...bindOptions, readOnlyNonRecursive: true, nonRecursive: true },
        }),
      ],
    },
    ['bind /a on /x ro rprivate non-recursive submounts-writable source-must-exist'],
  ],
  [
    { mounts: [mount({ source: '/a', bindOptions: { ...bindOptions, createMountpoint: true } })] },
    ['bind /a on /x rw rprivate makes-source'],
  ],
  [
    { mounts: [mount({ type: 'volume', source: 'v', volumeOptions: { ...volumeOptions, subpath: 'in/side' } })] },
    ['volume v on /x rw copy-up subpath=in/side'],
  ],
  [
    {
      mounts: [
        mount({ type: 'tmpfs', readOnly: true, tmpfsOptions: { sizeBytes: 4096, mode: 0o1777, options: [['exec']] } }),
      ],
    },
    ['tmpfs (anonymous) on /x ro ro mode=1777 size=4096 exec'],
  ],
  [
    { volumes: ['/data', '/b'], binds: ['/a:/b'] },
    ['bind /a on /b rw rprivate makes-source', 'volume (anonymous) on /data rw copy-up'],
  ],
  [{ volumes: ['/tmp/x'], tmpfs: { '/tmp/x': '' } }, []],
  [
    { binds: ['/1:/a/b/c', '/2:/z', '/3:/a/b'] },
    [
      'bind /2 on /z rw rprivate makes-source',
      'bind /3 on /a/b rw rprivate makes-source',
      'bind /1 on /a/b/c rw rprivate makes-source',
    ],
  ],
  [
    { binds: ['/proc:/proc', '/a:/proc/cpuinfo'] },
    ['bind /proc on /proc rw rprivate makes-source', 'bind /a on /proc/cpuinfo rw rprivate makes-source'],
  ],
])('%j is mounted as %j', (given, wanted) => {
  expect(lines(given)).toEqual(wanted);
});

test('volumes of another container are inherited, read-only on request, and yield to own ones', () => {
  const others = [...plan({ binds: ['/host:/one:ro', 'named:/two', '/other:/three'] }).map((intent) => intent.point)];
  expect(lines({ volumesFrom: ['web'], others, binds: ['/mine:/three'] })).toEqual([
    'bind /host on /one ro rprivate makes-source',
    'bind /mine on /three rw rprivate makes-source',
    'volume named on /two rw',
  ]);
  expect(lines({ volumesFrom: ['web:ro'], others })[1]).toBe('bind /other on /three ro rprivate makes-source');
});

test.each<[Given, string]>([
  [{ binds: [':/b'] }, "invalid volume specification: ':/b'"],
  [{ binds: ['/a:ro'] }, "invalid volume specification: '/a:ro'"],
  [{ binds: ['/a:/b:ro:x'] }, "invalid volume specification: '/a:/b:ro:x'"],
  [{ binds: ['/a:/b:odd'] }, 'invalid mode: odd'],
  [{ binds: ['/a:/b:ro,rw'] }, 'invalid mode: ro,rw'],
  [
    { binds: ['/a:b'] },
    `invalid volume specification: '/a:b': invalid mount config for type "bind": invalid mount path: 'b' mount path must be absolute`,
  ],
  [
    { binds: ['/a:/..'] },
    `invalid volume specification: '/a:/..': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
  ],
  [{ binds: ['/a:/b', '/c:/b/'] }, 'Duplicate mount point: /b'],
  [{ binds: ['/a:/b'], tmpfs: { '/b': '' } }, 'Duplicate mount point: /b'],
  [{ volumes: ['/../..'] }, "invalid specification: destination can't be '/'"],
  [{ volumes: ['/proc'] }, '"/proc" cannot be mounted because it is inside /proc'],
  [{ volumes: ['/x/../proc/1'] }, '"/proc/1" cannot be mounted because it is inside /proc'],
  [{ volumes: ['data'] }, "invalid mount path: 'data' mount path must be absolute"],
  [{ binds: ['/a:/proc'] }, '"/proc" cannot be mounted because it is inside /proc'],
  [{ tmpfs: { '/': '' } }, "invalid specification: destination can't be '/'"],
  [{ mounts: [mount({ target: '' })] }, 'invalid mount config for type "bind": field Target must not be empty'],
  [{ mounts: [mount({})] }, 'invalid mount config for type "bind": field Source must not be empty'],
  [
    { mounts: [mount({ type: 'tmpfs', bindOptions })] },
    'invalid mount config for type "tmpfs": field BindOptions must not be specified',
  ],
  [
    { mounts: [mount({ type: 'volume', source: 'v', volumeOptions: { ...volumeOptions, subpath: '../x' } })] },
    'invalid mount config for type "volume": subpath must be a relative path within the volume',
  ],
  [{ mounts: [mount({ type: 'npipe', source: 'v' })] }, 'invalid mount config for type "npipe": mount type unknown'],
  [{ volumesFrom: ['web:rshared'] }, 'invalid mode: rshared'],
])('%j is refused', (given, text) => {
  expect(() => plan(given)).toThrow(text);
});
