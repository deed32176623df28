import { afterAll, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { encodeFrame, encodeSignal, frameType } from '@gantry/native';
import { before, hostState, openBench, replaced, type TaskOptions } from './fixture.ts';

const bench = await openBench();
afterAll(() => bench[Symbol.asyncDispose]());

const sh = (script: string, options: TaskOptions = {}): { exitCode: number; log: string } =>
  bench.start({ argv: ['sh', '-c', script], ...options }).run();

test('the process sees its own namespaces, root, hostname and limits', () => {
  const { exitCode, log } = sh(
    'echo $$ $(hostname); ls /; cat /proc/self/cgroup | grep pids; ulimit -n; ls /sys/class/net',
  );
  expect({ exitCode, log }).toEqual({
    exitCode: 0,
    log: '1 box\nbin\ndata\ndev\netc\nproc\nsys\ntmp\n3:pids:/\n1024\nlo\n'.replace(
      '3:pids:/',
      log.split('\n')[8] ?? '',
    ),
  });
  expect(log).toMatch(/:pids:\/\n/);
});

test("exit codes are the command's, or 128 and the signal", () => {
  expect(sh('exit 7').exitCode).toBe(7);
  expect(bench.start({ argv: ['false'] }).run().exitCode).toBe(1);
  expect(sh("sh -c 'kill -9 $$'; exit $?").exitCode).toBe(137);
  for (const signal of [9, 15]) {
    const task = bench.start({ argv: ['sh', '-c', 'trap "exit 143" TERM; echo up; while :; do sleep 0.01; done'] });
    using client = task.attach();
    task.start();
    client.outputUntil('up');
    task.control.send(encodeSignal(signal));
    expect(task.exit()).toMatchObject({ exitCode: 128 + signal });
  }
});

test('a command that is missing, not executable or no program says which', () => {
  const failure = (...argv: string[]): unknown => {
    const task = bench.start({ argv, startAtOnce: true });
    const { record } = task.control.wait(frameType.failed, frameType.started);
    return { ...record, index: task.plan.child[Number(record.index)]?.verb };
  };
  expect(failure('nothing')).toEqual({ part: 'child', index: 'exec', step: 'lookup', errno: 2 });
  expect(failure('no-exec')).toEqual({ part: 'child', index: 'exec', step: 'lookup', errno: 2 });
  expect(failure('/bin/nothing')).toEqual({ part: 'child', index: 'exec', step: 'execve', errno: 2 });
  expect(failure('/bin/no-exec')).toEqual({ part: 'child', index: 'exec', step: 'execve', errno: 13 });
  expect(failure('/etc')).toEqual({ part: 'child', index: 'exec', step: 'execve', errno: 13 });
  expect(failure('no-format')).toEqual({ part: 'child', index: 'exec', step: 'execve', errno: 8 });
});

test('nothing but stdio is open, and no privilege is left over', () => {
  const { log } = sh(
    'ls /proc/self/fd; grep -E "^(Cap|NoNewPrivs|Seccomp:|Sig(Blk|Ign))" /proc/self/status; echo $HOME',
  );
  expect(log).toBe(
    '0\n1\n2\n3\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nCapInh:\t0000000000000000\n' +
      'CapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\n' +
      'NoNewPrivs:\t1\nSeccomp:\t0\n/root\n',
  );
});

test('a user without capabilities has none, and can open its own output again', () => {
  const { log } = sh('id; grep -E "^Cap(Prm|Eff)" /proc/self/status; echo again > /dev/stdout', {
    change: (acts) =>
      replaced({ verb: 'user', uid: 1000, gid: 1001, groups: new Uint8Array(Uint32Array.of(44, 63).buffer) })(
        replaced({ verb: 'capabilities', effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n })(acts),
      ),
  });
  expect(log).toBe(
    'uid=1000(ana) gid=1001(ana) groups=44(video),63(audio)\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nagain\n',
  );
});

test("USER is looked up by Docker's rules", () => {
  const who = (spec: string, ...groups: string[]): string => {
    const task = bench.start({
      argv: ['sh', '-c', 'echo $(id -u) $(id -g) $(id -G) $HOME'],
      startAtOnce: true,
      change: (acts) => acts.map((act) => (act.verb === 'user' ? { verb: 'userLookup', spec, groups } : act)),
    });
    const { type, record } = task.control.wait(frameType.failed, frameType.started);
    if (type === frameType.failed) return `${record.step} ${record.errno}`;
    task.exit();
    return task.logText().trim();
  };
  expect({
    empty: who(''),
    name: who('ana'),
    'a number is never a name': who('1000'),
    'unknown number': who('1234'),
    'name and group': who('ana:video'),
    'number and number': who('1000:5'),
    'added groups': who('ana', 'audio', '7'),
    'unknown name': who('eve'),
    'unknown group': who('ana:eves'),
    'past 31 bits': who('4294967296'),
    'wraps to root': who('18446744073709551616'),
    'group past 31 bits': who('0:2147483648'),
  }).toEqual({
    empty: '0 0 0 /root',
    name: '1000 1001 1001 44 /home/ana',
    'a number is never a name': '1000 1001 1001 44 /home/ana',
    'unknown number': '1234 0 0 /',
    'name and group': '1000 44 44 /home/ana',
    'number and number': '1000 5 5 /home/ana',
    'added groups': '1000 1001 1001 7 44 63 /home/ana',
    'unknown name': 'user 2',
    'unknown group': 'group 2',
    'past 31 bits': 'user range 34',
    'wraps to root': 'user range 34',
    'group past 31 bits': 'group range 34',
  });
});

test('masked paths read as nothing and read-only ones refuse writes', () => {
  const { log } = sh(
    'wc -c < /etc/passwd; ls /sys/firmware | wc -l; echo x > /proc/sys/kernel/panic; umount /sys/firmware 2>&1',
    {
      change: (acts) => before('readonlyPath', { verb: 'maskPath', root: 1, path: '/etc/passwd' })(acts),
    },
  );
  expect(log).toContain('0\n0\n');
  expect(log).toContain("can't create /proc/sys/kernel/panic: Read-only file system");
});

test('a masked or bound path cannot be led out of the root by a link of the image', () => {
  const { log } = sh('cat /tmp/passwd; ls -ld /tmp/out', {
    change: (acts) =>
      before(
        'maskPath',
        { verb: 'symlink', root: 1, path: '/tmp/out', target: '../../../../../../../../tmp' },
        {
          verb: 'mountBind',
          root: 1,
          source: '/bin/busybox',
          subpath: '',
          target: '/tmp/out/bound/file',
          recursive: 0,
          attrSet: 1n,
          attrClear: 0n,
          propagation: 0n,
        },
        { verb: 'symlink', root: 1, path: '/tmp/passwd', target: '/etc/passwd' },
      )(acts),
  });
  expect(log).toContain('root:x:0:0');
  expect(existsSync('/tmp/bound')).toBe(false);
});

test('a bind onto a dangling link makes the end of the link inside the root', () => {
  const { log } = sh('readlink /etc/resolv.conf; wc -c < /run/resolve/stub.conf', {
    change: (acts) =>
      before(
        'maskPath',
        { verb: 'symlink', root: 1, path: '/etc/resolv.conf', target: '../run/resolve/stub.conf' },
        {
          verb: 'mountBind',
          root: 1,
          source: '/etc/hostname',
          subpath: '',
          target: '/etc/resolv.conf',
          recursive: 0,
          attrSet: 0n,
          attrClear: 0n,
          propagation: 0n,
        },
      )(acts),
  });
  expect(log).toBe(`../run/resolve/stub.conf\n${readFileSync('/etc/hostname').length}\n`);
});

test('/proc behind a link of the image is refused', () => {
  const task = bench.start({
    change: (acts) =>
      before('mountFs', { verb: 'symlink', root: 1, path: '/elsewhere', target: 'tmp' })(acts).map((act) =>
        act.verb === 'mountFs' && act.target === '/proc' ? { ...act, target: '/elsewhere' } : act,
      ),
  });
  expect(task.control.wait(frameType.failed).record).toMatchObject({ part: 'child', step: 'target', errno: 40 });
});

test('the first use of a volume copies what the image has there', () => {
  const volume = `${bench.dir}/volume`;
  mkdirSync(volume);
  const { log } = sh('ls -l /bin/ | head -3 | wc -l; stat -c %A /data /data/busybox; /data/sh -c "echo runs"', {
    change: (acts) =>
      before(
        'maskPath',
        { verb: 'mkdir', root: 1, path: '/bin/sub', mode: 0o2750, uid: 1000, gid: 5 },
        { verb: 'copyUp', root: 1, source: '/bin', hostTarget: volume },
        {
          verb: 'mountBind',
          root: 1,
          source: volume,
          subpath: '',
          target: '/data',
          recursive: 1,
          attrSet: 0n,
          attrClear: 0n,
          propagation: 0n,
        },
      )(acts),
  });
  expect(log).toBe('3\ndrwxr-xr-x\n-rwxr-xr-x\nruns\n');
  expect(statSync(`${volume}/sub`)).toMatchObject({ mode: 0o42750, uid: 1000, gid: 5 });
});

test('a volume that could not be filled whole is empty again', () => {
  const volume = `${bench.dir}/small`;
  mkdirSync(volume);
  expect(Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', volume]).exitCode).toBe(0);
  using _mount = { [Symbol.dispose]: () => Bun.spawnSync(['umount', volume]) };
  const copy: TaskOptions = {
    startAtOnce: true,
    change: before('mountFs', { verb: 'copyUp', root: 1, source: '/', hostTarget: volume }),
  };
  const { record } = bench.start(copy).control.wait(frameType.failed, frameType.started);
  expect(record).toMatchObject({ part: 'child', step: 'copy_up', errno: 28 });
  expect(readdirSync(volume)).toEqual([]);
});

test('a device that is there from the start before is taken, and nothing else of its name', () => {
  const again = (minor: number): TaskOptions => ({
    startAtOnce: true,
    change: before('symlink', {
      verb: 'mknod',
      root: 1,
      path: '/dev/null',
      mode: 0o20666,
      major: 1,
      minor,
      uid: 0,
      gid: 0,
    }),
  });
  expect(bench.start(again(3)).exit().exitCode).toBe(0);
  const { record } = bench.start(again(5)).control.wait(frameType.failed, frameType.started);
  expect(record).toMatchObject({ part: 'child', step: 'mknod', errno: 17 });
});

test('START sent before the program runs needs no second round', () => {
  const task = bench.start({ argv: ['echo', 'hi'], startAtOnce: true });
  expect(task.exit().exitCode).toBe(0);
  expect(task.logText()).toBe('hi\n');
});

test('a process that never gets START can be killed, and that is told', () => {
  const task = bench.start();
  task.control.wait(frameType.created);
  task.control.send(encodeSignal(9));
  expect(task.control.wait(frameType.failed).record).toMatchObject({ part: 'child', step: 'killed' });
});

test('an unknown frame ends its connection and nothing else', () => {
  const task = bench.start({ argv: ['sleep', '100'] }).start();
  using stranger = task.connect(new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'));
  expect(stranger.readRaw()).toHaveLength(0);
  using control = task.connect(encodeFrame(frameType.control));
  expect(control.wait(frameType.status).record).toMatchObject({ state: 'running', pid: task.pid });
});

test('an ended task leaves only its record and its log', async () => {
  const task = bench.start();
  task.run();
  await task.process.exited;
  const left = readdirSync(task.plan.shim.taskDir).sort();
  expect(left.filter((name: string) => !['root', 'upper', 'work', 'started'].includes(name))).toEqual(['exit', 'log']);
  expect(hostState(bench).mounts).toBe(0);
});
