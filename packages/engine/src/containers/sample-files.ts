import type { NetworkCounters, StatsSample } from '../engine.ts';

/** cpu.stat of cgroup v2, whose times are microseconds. */
export function parseCpuTimes(
  stat: Readonly<Record<string, number>>,
): Pick<
  StatsSample,
  'cpuTotalNanos' | 'cpuUserNanos' | 'cpuKernelNanos' | 'periods' | 'throttledPeriods' | 'throttledNanos'
> {
  const nanos = (key: string): number => (stat[key] ?? 0) * 1000;
  return {
    cpuTotalNanos: nanos('usage_usec'),
    cpuUserNanos: nanos('user_usec'),
    cpuKernelNanos: nanos('system_usec'),
    periods: stat.nr_periods ?? 0,
    throttledPeriods: stat.nr_throttled ?? 0,
    throttledNanos: nanos('throttled_usec'),
  };
}

/** How long all CPUs have been on, idle time included, and how many there are. Docker counts the first seven columns. */
export function parseSystemCpu(stat: string, nanosPerTick: number): Pick<StatsSample, 'systemCpuNanos' | 'onlineCpus'> {
  const ticks = (/^cpu\s+(.*)$/m.exec(stat)?.[1] ?? '').split(' ').slice(0, 7);
  return {
    systemCpuNanos: ticks.reduce((sum, tick) => sum + Number(tick), 0) * nanosPerTick,
    onlineCpus: stat.match(/^cpu\d+ /gm)?.length ?? 0,
  };
}

/** /proc/net/dev without the loopback. */
export function parseNetDev(text: string): Record<string, NetworkCounters> {
  const interfaces: Record<string, NetworkCounters> = {};
  for (const line of text.split('\n')) {
    const match = /^\s*([^:|]+):\s*(.*)$/.exec(line);
    if (match?.[1] === undefined || match[1] === 'lo') continue;
    const columns = (match[2] ?? '').trim().split(/\s+/).map(Number);
    const [
      rxBytes = 0,
      rxPackets = 0,
      rxErrors = 0,
      rxDropped = 0,
      ,
      ,
      ,
      ,
      txBytes = 0,
      txPackets = 0,
      txErrors = 0,
      txDropped = 0,
    ] = columns;
    interfaces[match[1]] = { rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped };
  }
  return interfaces;
}

/** Two files of cgroup v1 with lines such as `8:0 Read 4096`: bytes, and operations. */
export function parseBlkioV1(bytesText: string, operationsText: string): StatsSample['blkio'] {
  const counts = (text: string): Map<string, number> =>
    new Map([...text.matchAll(/^(\d+:\d+ \w+) (\d+)$/gm)].map((match) => [match[1] ?? '', Number(match[2])] as const));
  const operations = counts(operationsText);
  return [...counts(bytesText)].map(([key, bytes]) => {
    const [major = 0, minor = 0] = key.split(/[: ]/, 2).map(Number);
    return { op: key.slice(key.indexOf(' ') + 1), major, minor, bytes, ios: operations.get(key) ?? 0 };
  });
}

/** io.stat of cgroup v2: `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`. */
export function parseIoStat(text: string): StatsSample['blkio'] {
  return text
    .split('\n')
    .filter((line) => line.includes('='))
    .flatMap((line) => {
      const [device = '', ...pairs] = line.trim().split(' ');
      const [major = 0, minor = 0] = device.split(':').map(Number);
      const values = new Map(pairs.map((pair) => [pair.split('=')[0] ?? '', Number(pair.split('=')[1])] as const));
      return (['read', 'write'] as const).map((op) => ({
        op,
        major,
        minor,
        bytes: values.get(`${op[0]}bytes`) ?? 0,
        ios: values.get(`${op[0]}ios`) ?? 0,
      }));
    });
}
