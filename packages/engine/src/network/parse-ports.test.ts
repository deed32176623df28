import { expect, test } from 'bun:test';
import { type WantedPort, wantedPorts } from './parse-ports.ts';

const ask = (
  portBindings: Record<string, { hostIp: string; hostPort: string }[]>,
  exposedPorts: string[] = [],
  publishAllPorts = false,
) =>
  wantedPorts({ portBindings, exposedPorts, publishAllPorts }).map(
    ({ protocol, containerPort, hostIp, first, last }: WantedPort) =>
      `${containerPort}/${protocol} ${hostIp}:${first}-${last}`,
  );

test('bindings are read with address, range and protocol; those with numbers come first', () => {
  expect(
    ask({
      '53/udp': [{ hostIp: '', hostPort: '' }],
      '80/tcp': [
        { hostIp: '127.0.0.1', hostPort: '8080' },
        { hostIp: '[::]', hostPort: '8000-8010' },
      ],
      '81': [{ hostIp: '', hostPort: '0' }],
    }),
  ).toEqual(['80/tcp 127.0.0.1:8080-8080', '80/tcp :::8000-8010', '53/udp :0-0', '81/tcp :0-0']);
});

test('publishing all takes the exposed ports that have no binding', () => {
  expect(ask({ '80/tcp': [{ hostIp: '', hostPort: '8080' }] }, ['80/tcp', '443/tcp', '53/udp'], true)).toEqual([
    '80/tcp :8080-8080',
    '53/udp :0-0',
    '443/tcp :0-0',
  ]);
  expect(ask({}, ['80/tcp'])).toEqual([]);
});

test('nonsense is refused', () => {
  for (const port of ['0/tcp', '70000', '80/icmp', 'x', '-1'])
    expect(() => ask({ [port]: [{ hostIp: '', hostPort: '' }] })).toThrow('invalid port specification');
  for (const hostPort of ['70000', '10-5', 'a', '1-2-3'])
    expect(() => ask({ '80/tcp': [{ hostIp: '', hostPort }] })).toThrow('invalid port specification');
  expect(() => ask({ '80/tcp': [{ hostIp: 'localhost', hostPort: '' }] })).toThrow('invalid IP address: localhost');
});
