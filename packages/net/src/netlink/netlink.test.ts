import { expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCidr } from '../address/cidr.ts';
import { parseIp } from '../address/ip.ts';
import { parseMac } from '../address/mac.ts';
import { TableBatch } from '../nftables/batch.ts';
import { keyPart } from '../nftables/keys.ts';
import { formatMessages } from './fixture.ts';
import { changeBridgePort, changeLink, createBridge, createVeth, deleteLink, parseLink, wakeLink } from './link.ts';
import { listAttributes, parseAcknowledgement, parseMessages } from './reader.ts';
import { addAddress, addNeighbour, addRoute, parseAddress, parseRoute } from './route.ts';
import { MessageWriter } from './writer.ts';

const written = (body: (writer: MessageWriter) => unknown): Uint8Array => {
  const writer = new MessageWriter();
  body(writer);
  return writer.finish();
};
const mac = parseMac('02:42:0a:00:00:02')!;
const headers: Record<number, number> = { 16: 16, 17: 16, 18: 16, 20: 8, 24: 12, 28: 12 };

function expectGolden(name: string, text: string): void {
  const path = join(import.meta.dir, '..', '__golden__', name);
  if (process.env.GOLDEN === 'update') writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, 'utf8'));
}

test('links, addresses, routes and neighbours are asked for with these bytes', () => {
  const bytes = written((writer) => {
    createBridge(writer, { name: 'docker0', mac, mtu: 1500 });
    createVeth(writer, { name: 'eth0', index: 100, mac, mtu: 0, peerName: 'v0123456789abcd', peerNetnsFd: 7 });
    changeLink(writer, { name: 'v0123456789abcd', master: 3, up: true });
    changeBridgePort(writer, 'v0123456789abcd', { hairpin: true, isolated: false });
    addAddress(writer, 100, parseCidr('10.0.0.2/24')!);
    addAddress(writer, 100, parseCidr('fd00::2/64')!);
    addRoute(writer, { family: 4, destination: undefined, gateway: parseIp('10.0.0.1'), index: 100 });
    addNeighbour(writer, { index: 3, ip: parseIp('10.0.0.2')!, mac });
    wakeLink(writer, { index: 100 });
    deleteLink(writer, { name: 'v0123456789abcd' });
  });
  expectGolden(
    'rtnetlink.txt',
    formatMessages(bytes, (type) => headers[type] ?? 0),
  );
});

test('a table with a map, a rule and elements is asked for with these bytes', () => {
  const bytes = written((writer) => {
    const batch = new TableBatch(writer, { family: 'ip', name: 'gantry' }).addTable();
    batch.addSet({ name: 'published', key: ['inet_proto', 'inet_service'], data: ['ipv4_addr', 'inet_service'] });
    batch.addChain({ name: 'in', hook: { type: 'nat', hook: 'prerouting', priority: -100, policy: 'accept' } });
    batch.addRule(
      'in',
      [
        { do: 'meta', key: 'l4proto', to: 1 },
        { do: 'payload', base: 'transport', offset: 2, length: 2, to: 9 },
        { do: 'lookup', set: 'published', register: 1, into: 1 },
        { do: 'nat', kind: 'destination', family: 4, address: 1, port: 9 },
      ],
      'PUBLISH',
    );
    const data = [keyPart.ip(parseIp('10.0.0.2')!), keyPart.port(80)];
    batch.addElements('published', [{ key: [keyPart.protocol(6), keyPart.port(8080)], data }]);
    batch.finish();
  });
  expectGolden(
    'nftables.txt',
    formatMessages(bytes, () => 4),
  );
});

test("the place of the peer's namespace is found again", () => {
  let patch = 0;
  const bytes = written((writer) => {
    patch = createVeth(writer, { name: 'eth0', index: 100, mac, mtu: 1400, peerName: 'peer', peerNetnsFd: 0x01020304 });
  });
  expect(new DataView(bytes.buffer).getUint32(patch, true)).toBe(0x01020304);
});

test('what is written is read back', () => {
  const link = parseLink(parseMessages(written((w) => createBridge(w, { name: 'b', mac, mtu: 1400 })))[0]!);
  expect(link).toMatchObject({ name: 'b', kind: 'bridge', mtu: 1400, mac });
  for (let round = 0; round < 200; round++) {
    const family = round % 2 ? 4 : 6;
    const value = BigInt(Math.floor(Math.random() * 2 ** 31));
    const cidr = { address: { family, value }, prefix: 1 + (round % (family === 4 ? 32 : 128)) } as const;
    const address = parseAddress(parseMessages(written((w) => addAddress(w, round, cidr)))[0]!);
    expect(address).toEqual({ index: round, cidr });
    const route = { family, destination: undefined, gateway: cidr.address, index: round } as const;
    expect(parseRoute(parseMessages(written((w) => addRoute(w, route)))[0]!)).toEqual({ ...route, table: 254 });
  }
});

test('attributes of any length come back, padded to four bytes', () => {
  const values = Array.from({ length: 70 }, (_, length) => crypto.getRandomValues(new Uint8Array(length)));
  const bytes = written((w) => w.message(1, 0, () => values.forEach((value, type) => void w.attribute(type, value))));
  expect(bytes.length % 4).toBe(0);
  expect(listAttributes(parseMessages(bytes)[0]!.body)).toEqual(values.map((value, type) => [type, value]));
});

test('broken lengths end the reading and nothing else', () => {
  const good = written((w) => w.message(16, 0, () => w.u32(0).u32(0).u32(0).u32(0).attributeText(3, 'eth0')));
  for (let at = 0; at < good.length; at++)
    for (const byte of [0, 1, 255]) {
      const bad = good.slice();
      bad[at] = byte;
      for (const message of parseMessages(bad)) void parseLink(message);
    }
  expect(parseMessages(good.slice(0, 15))).toEqual([]);
});

test("a refusal is read with the kernel's own words", () => {
  // NLMSG_ERROR of -EEXIST with the request's header (capped) and NLMSGERR_ATTR_MSG.
  const bytes = written((w) =>
    w.message(2, 0x300, () =>
      w
        .u32(-17 >>> 0)
        .u32(32)
        .u16(16)
        .u16(5)
        .u32(9)
        .u32(0)
        .attributeText(1, 'File exists'),
    ),
  );
  const [message] = parseMessages(bytes);
  expect(parseAcknowledgement(message!)).toEqual({ sequence: 1, errno: 17, text: 'File exists' });
});
