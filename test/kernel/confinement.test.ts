import { afterAll, expect, test } from 'bun:test';
import { capabilityList, capabilityMask, defaultCapabilities } from '@gantry/runtime';
import { closeBoxes, facts, openBox, probe, runBox, sh } from './box.ts';

afterAll(closeBoxes);

const status = 'grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status | tr "\\t" " "';
const hex = (mask: bigint): string => mask.toString(16).padStart(16, '0');
const defaults = hex(capabilityMask(defaultCapabilities));
const none = hex(0n);

test('root has the default capabilities and no inheritable one', async () => {
  expect(await sh(status)).toBe(
    `CapInh: ${none}\nCapPrm: ${defaults}\nCapEff: ${defaults}\nCapBnd: ${defaults}\nCapAmb: ${none}\nNoNewPrivs: 0\nSeccomp: 2`,
  );
});

test('another user keeps the bounding set and holds nothing', async () => {
  expect(await sh(status, { process: { user: { uid: 1000, gid: 1000 } } })).toBe(
    `CapInh: ${none}\nCapPrm: ${none}\nCapEff: ${none}\nCapBnd: ${defaults}\nCapAmb: ${none}\nNoNewPrivs: 0\nSeccomp: 2`,
  );
});

test('ambient capabilities reach another user', async () => {
  const few = ['CAP_NET_BIND_SERVICE'];
  const capabilities = { bounding: few, permitted: few, effective: few, inheritable: few, ambient: few };
  const lines = await sh(status, { process: { user: { uid: 1000, gid: 1000 }, capabilities } });
  const bit = hex(capabilityMask(few));
  expect(lines).toContain(`CapPrm: ${bit}\nCapEff: ${bit}\nCapBnd: ${bit}\nCapAmb: ${bit}`);
});

test('no capability at all when none is given', async () => {
  const lines = await sh(status, { process: { capabilities: undefined } });
  expect(lines).toContain(`CapPrm: ${none}\nCapEff: ${none}\nCapBnd: ${none}`);
});

test('a second process has the same capabilities, for root and for another user', async () => {
  await using box = await openBox(['sleep', '100']);
  expect((await box.exec(['sh', '-c', status])).out).toContain(`CapInh: ${none}\nCapPrm: ${defaults}`);
  const web = await box.exec(['sh', '-c', `id -u; ${status}`], { user: { spec: 'web', groups: [] } });
  expect(web.out).toContain(`1000\nCapInh: ${none}\nCapPrm: ${none}\nCapEff: ${none}\nCapBnd: ${defaults}`);
  expect(web.out).toContain('Seccomp: 2');
});

test('no-new-privileges holds, and the filter is loaded with it', async () => {
  expect(await sh(status, { process: { noNewPrivileges: true } })).toContain('NoNewPrivs: 1\nSeccomp: 2');
});

test('the default filter refuses what it should, with every answer as Docker gives it', async () => {
  const questions = {
    'unshare 0x10000000': 'EPERM',
    keyctl: 'EPERM',
    'mount /tmp': 'EPERM',
    clone3: 'ENOSYS',
    'clone 0x10000000': 'EPERM',
    'clone 0': 'ok',
    'personality 0x40000': 'EPERM',
    'personality 0xffffffff': 'ok',
    'socket 38 5': 'EPERM',
    'socket 40': 'EPERM',
    'socket 2': 'ok',
    bpf: 'EPERM',
    setns: 'EPERM',
    handle: 'EPERM',
    ptrace: 'ok',
  };
  const answers = await sh(
    Object.keys(questions)
      .map((question) => `probe ${question}`)
      .join(';'),
  );
  const asked = Object.keys(questions);
  expect(Object.fromEntries(answers.split('\n').map((answer, index) => [asked[index], answer]))).toEqual(questions);
});

test('without a filter the capabilities alone decide', async () => {
  const unconfined = { linux: { seccomp: undefined } };
  expect(await sh(`${status}; probe clone3; probe keyctl`, unconfined)).toMatch(/Seccomp: 0\nok\nok$/);
  expect(await probe('unshare 0x20000', unconfined)).toBe('EPERM');
});

test('a profile of the user is what is in force', async () => {
  const seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [
      { names: ['socket'], action: 'SCMP_ACT_ERRNO', errnoRet: 13, args: [{ index: 0, op: 'SCMP_CMP_EQ', value: 2 }] },
    ],
  };
  expect(await sh('probe socket 2; probe socket 1', { linux: { seccomp } })).toBe('EACCES\nok');
});

test('limits are set', async () => {
  const rlimits = [
    { type: 'RLIMIT_NOFILE', soft: 64, hard: 128 },
    { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
  ];
  const lines = await sh('grep -E "open files|core file" /proc/self/limits', { process: { rlimits } });
  expect(lines.replace(/ +/g, ' ')).toBe('Max core file size 0 0 bytes \nMax open files 64 128 files');
});

test('a 32-bit personality shows in uname', async () => {
  const asked = { linux: { personality: { domain: 'LINUX32' } } };
  expect(await sh('busybox uname -m', asked)).toBe(facts.architecture === 'amd64' ? 'i686' : 'armv8l');
});

test('the score for the OOM killer and the umask are set', async () => {
  const process = { oomScoreAdj: 500, user: { uid: 0, gid: 0, umask: 0o27 } };
  expect(await sh('cat /proc/self/oom_score_adj; umask', { process })).toBe('500\n0027');
  expect(await sh('umask')).toBe('0022');
});

type Identity = readonly [spec: string, groups: readonly string[], wanted: string];

const identities: readonly Identity[] = [
  ['', [], 'uid=0(root) gid=0(root) groups=0(root) /root'],
  ['web', [], 'uid=1000(web) gid=1000(web) groups=44(video),1000(web) /home/web'],
  ['1000', [], 'uid=1000(web) gid=1000(web) groups=44(video),1000(web) /home/web'],
  ['web:video', [], 'uid=1000(web) gid=44(video) groups=44(video) /home/web'],
  ['web:7', [], 'uid=1000(web) gid=7 groups=7 /home/web'],
  ['77:88', [], 'uid=77 gid=88 groups=88 /'],
  ['77', [], 'uid=77 gid=0(root) groups=0(root) /'],
  ['web', ['extra', '999'], 'uid=1000(web) gid=1000(web) groups=44(video),555(extra),999,1000(web) /home/web'],
  // A passwd line is named "4242" and has uid 0: a number is a number first (CVE-2016-3697).
  ['4242', [], 'uid=4242 gid=0(root) groups=0(root) /'],
];

for (const [spec, groups, wanted] of identities) {
  test(`USER "${spec}" with groups [${groups}] is ${wanted}`, async () => {
    const seen = await sh('echo $(id) $HOME', { context: { user: { spec, groups } } });
    const sorted = seen.replace(/groups=([^ ]*)/, (_, list: string) => {
      const by = (one: string) => Number.parseInt(one, 10);
      return `groups=${list
        .split(',')
        .sort((a, b) => by(a) - by(b))
        .join(',')}`;
    });
    expect(sorted).toBe(wanted);
  });
}

for (const spec of ['nobody-here', '4294967296', '2147483648', '99999999999999999999', '-1', 'web:nogroup']) {
  test(`USER "${spec}" is refused`, async () => {
    await expect(runBox(['id'], { context: { user: { spec, groups: [] } } })).rejects.toThrow('userLookup');
  });
}

test('a privileged container has what the engine has', async () => {
  const everything = capabilityList(0x1ff_ffff_ffffn);
  const capabilities = { bounding: everything, permitted: everything, effective: everything };
  const linux = { seccomp: undefined, maskedPaths: [], readonlyPaths: [], resources: { devices: [{ allow: true }] } };
  const seen = await sh(`${status}; probe mount /tmp; probe open /proc/sys/kernel/hostname w`, {
    process: { capabilities },
    linux,
  });
  expect(seen).toContain('CapEff: 000001fffeffffff');
  expect(seen).toMatch(/Seccomp: 0\nok\nok$/);
});
