import { readdirSync } from 'node:fs';
import { readDescriptorLimit } from '../http/descriptor-limit.ts';

/** What the daemon's own process uses. */
export type ProcessFacts = {
  readonly pid: number;
  readonly startedAt: Date;
  readonly uptimeSeconds: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly openFds: number;
  readonly maxFds: number;
};

export function readProcessFacts(): ProcessFacts {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    pid: process.pid,
    startedAt: new Date(performance.timeOrigin),
    uptimeSeconds: Math.round(process.uptime() * 1000) / 1000,
    cpuSeconds: (user + system) / 1e6,
    residentBytes: rss,
    heapBytes: heapUsed,
    openFds: readdirSync('/proc/self/fd').length,
    maxFds: readDescriptorLimit(),
  };
}
