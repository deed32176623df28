import { expect, test } from 'bun:test';
import { emptyRunConfig, type RunConfig } from '@gantry/oci';
import { applyChanges } from './import-changes.ts';

/** What changes from an empty config. */
function changed(...changes: string[]): Partial<RunConfig> {
  const config = applyChanges(emptyRunConfig, changes);
  const keys = Object.keys(config) as (keyof RunConfig)[];
  return Object.fromEntries(
    keys
      .filter((key) => JSON.stringify(config[key]) !== JSON.stringify(emptyRunConfig[key]))
      .map((key) => [key, config[key]]),
  );
}

test('each instruction that may change a config does', () => {
  expect(changed('CMD ["a","b c"]')).toEqual({ cmd: ['a', 'b c'] });
  expect(changed('cmd echo hi')).toEqual({ cmd: ['/bin/sh', '-c', 'echo hi'] });
  expect(changed('SHELL ["/bin/bash","-c"]', 'ENTRYPOINT echo')).toEqual({
    shell: ['/bin/bash', '-c'],
    entrypoint: ['/bin/bash', '-c', 'echo'],
  });
  expect(changed('ENV A=1 B="x \\"y\\"" C=\'z z\' D=q\\ r', 'ENV A 2 3')).toEqual({
    env: ['A=2 3', 'B=x "y"', 'C=z z', 'D=q r'],
  });
  expect(changed('LABEL "a b"=c d=')).toEqual({ labels: { 'a b': 'c', d: '' } });
  expect(changed('EXPOSE 80 443/TCP 53/udp 80', 'VOLUME /a /b', 'VOLUME ["/c d"]')).toEqual({
    exposedPorts: ['80/tcp', '443/tcp', '53/udp'],
    volumes: ['/a', '/b', '/c d'],
  });
  expect(changed('USER 1:2', 'WORKDIR /a/../b', 'WORKDIR c', 'STOPSIGNAL SIGQUIT', 'ONBUILD RUN x')).toEqual({
    user: '1:2',
    workingDir: '/b/c',
    stopSignal: 'SIGQUIT',
    onBuild: ['RUN x'],
  });
  expect(changed('HEALTHCHECK --interval=1m30s --retries=2 CMD curl -f x').healthcheck).toEqual({
    test: ['CMD-SHELL', 'curl -f x'],
    intervalNanos: 90e9,
    timeoutNanos: 0,
    startPeriodNanos: 0,
    startIntervalNanos: 0,
    retries: 2,
  });
  expect(changed('HEALTHCHECK NONE').healthcheck?.test).toEqual(['NONE']);
});

test('what may not change a config, or makes no sense, is refused', () => {
  const rows = [
    ['RUN x', 'RUN is not a valid change command'],
    ['FROM scratch', 'FROM is not a valid change command'],
    ['CMD', 'CMD requires at least one argument'],
    ['ENV A', 'ENV must have two arguments'],
    ['ENV A=1 B', "can't find = in"],
    ['EXPOSE 70000', 'invalid containerPort: 70000'],
    ['HEALTHCHECK x', 'Unknown type "X" in HEALTHCHECK'],
    ['HEALTHCHECK --interval=soon CMD x', 'invalid duration "soon"'],
    ['ONBUILD FROM x', "FROM isn't allowed as an ONBUILD trigger"],
  ];
  for (const [change = '', message = ''] of rows) expect(() => changed(change)).toThrow(message);
});
