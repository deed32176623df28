import { expect, test } from 'bun:test';
import { parseKeyValues } from '@gantry/runtime';
import { parseBlkioV1, parseCpuTimes, parseIoStat, parseNetDev, parseSystemCpu } from './sample-files.ts';

test('the loopback is left out of the network counters', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0:12345678      20    1    2    0     0          0         0      900       8    3    4    0     0       0          0
`;
  expect(parseNetDev(text)).toEqual({
    eth0: {
      rxBytes: 12345678,
      rxPackets: 20,
      rxErrors: 1,
      rxDropped: 2,
      txBytes: 900,
      txPackets: 8,
      txErrors: 3,
      txDropped: 4,
    },
  });
});

test('system time is the sum of seven columns, and CPUs are counted', () => {
  const stat = 'cpu  1 2 3 4 5 6 7 1000 1000 1000\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\n';
  expect(parseSystemCpu(stat, 10)).toEqual({ systemCpuNanos: 280, onlineCpus: 2 });
});

test('cgroup v2 counts in microseconds', () => {
  const stat = parseKeyValues(
    'usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 9\nnr_throttled 1\nthrottled_usec 4\n',
  );
  expect(parseCpuTimes(stat)).toEqual({
    cpuTotalNanos: 5000,
    cpuUserNanos: 3000,
    cpuKernelNanos: 2000,
    periods: 9,
    throttledPeriods: 1,
    throttledNanos: 4000,
  });
});

test('block I/O of both versions of cgroups is told by device and operation', () => {
  expect(parseBlkioV1('8:0 Read 4096\n8:0 Write 512\nTotal 4608\n', '8:0 Read 2\n8:0 Write 1\nTotal 3\n')).toEqual([
    { op: 'Read', major: 8, minor: 0, bytes: 4096, ios: 2 },
    { op: 'Write', major: 8, minor: 0, bytes: 512, ios: 1 },
  ]);
  expect(parseIoStat('8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n7:0 \n')).toEqual([
    { op: 'read', major: 8, minor: 16, bytes: 1, ios: 3 },
    { op: 'write', major: 8, minor: 16, bytes: 2, ios: 4 },
  ]);
});
