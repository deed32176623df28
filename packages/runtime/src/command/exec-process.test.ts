import { expect, test } from 'bun:test';
import type { RuntimeSpec } from '@gantry/oci';
import { composeExecProcess, type ExecRequest, parseProcess } from './exec-process.ts';

const spec: RuntimeSpec = {
  ociVersion: '1.3.0',
  process: {
    args: ['init'],
    cwd: '/home',
    env: ['A=1'],
    user: { uid: 5, gid: 6 },
    noNewPrivileges: true,
    apparmorProfile: 'own',
    capabilities: { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] },
    oomScoreAdj: 7,
  },
  linux: { seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } },
};

const flags: Extract<ExecRequest, { kind: 'flags' }> = {
  kind: 'flags',
  args: ['true'],
  env: [],
  cwd: undefined,
  user: undefined,
  groups: [],
  capabilities: [],
  terminal: false,
  noNewPrivileges: false,
  apparmor: undefined,
  label: undefined,
};

test('flags change the container’s own process', () => {
  expect(composeExecProcess(spec, flags)).toMatchObject({
    args: ['true'],
    env: ['A=1'],
    cwd: '/home',
    user: { spec: '5:6', groups: [] },
    noNewPrivileges: true,
    apparmorProfile: 'own',
    oomScoreAdj: 7,
  });
  const changed = {
    ...flags,
    env: ['B=2'],
    user: '9',
    groups: ['4'],
    capabilities: ['CAP_CHOWN'],
    apparmor: 'x',
    label: 'l',
  };
  expect(composeExecProcess(spec, changed)).toMatchObject({
    env: ['A=1', 'B=2'],
    user: { spec: '9', groups: ['4'] },
    capabilities: { bounding: ['CAP_KILL', 'CAP_CHOWN'] },
    apparmorProfile: 'x',
    selinuxLabel: 'l',
  });
});

test('a document is the whole process, save the filter and capabilities that it does not name', () => {
  const process = parseProcess('{"args":["a"],"cwd":"/","user":{"uid":1,"additionalGids":[3]},"terminal":true}');
  const composed = composeExecProcess(spec, { kind: 'document', process });
  expect(composed).toMatchObject({
    args: ['a'],
    env: [],
    cwd: '/',
    user: { spec: '1:0', groups: ['3'] },
    terminal: true,
    noNewPrivileges: false,
    capabilities: { bounding: ['CAP_KILL'] },
    seccomp: { defaultAction: 'SCMP_ACT_ALLOW' },
  });
  expect(composed.apparmorProfile).toBeUndefined();
  expect(composed.oomScoreAdj).toBeUndefined();
});

test.each([
  ['{', 'cannot read the process: '],
  ['7', 'the document is no object'],
  ['{"args":[],"cwd":"/"}', '"args" must be a list of words and not empty'],
  ['{"args":[3],"cwd":"/"}', '"args" must be a list of words and not empty'],
  ['{"args":["a"],"cwd":"tmp"}', '"cwd" must be an absolute path'],
  ['{"args":["a"],"cwd":"/","user":"root"}', '"user" is no object'],
])('%s is no process', (text, why) => {
  expect(() => parseProcess(text)).toThrow(why);
});
