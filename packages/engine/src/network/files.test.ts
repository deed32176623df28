import { expect, test } from 'bun:test';
import { formatHostsFile, parseExtraHosts } from './hosts-file.ts';
import { embeddedResolvConf, hostResolvConf, mergeDns, parseResolvConf, plainResolvConf } from './resolv-conf.ts';

const none = { dns: [], dnsSearch: [], dnsOptions: [] };
const host = parseResolvConf(`# by hand
nameserver 127.0.0.53
nameserver   192.0.2.53
domain old.test
search a.test  b.test
options edns0 trust-ad
sortlist 1.2.3.4
`);
const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

test("a host's resolv.conf is read as the resolver reads it", () => {
  expect(host).toEqual({
    nameservers: ['127.0.0.53', '192.0.2.53'],
    search: ['a.test', 'b.test'],
    options: ['edns0', 'trust-ad'],
  });
});

test("the default bridge gets the host's servers without those of its loopback", () => {
  expect(lines(plainResolvConf(host, none))).toEqual([
    'nameserver 192.0.2.53',
    'search a.test b.test',
    'options edns0 trust-ad',
  ]);
  expect(lines(hostResolvConf(host, none))[0]).toBe('nameserver 127.0.0.53');
  const local = parseResolvConf('nameserver 127.0.0.1\nnameserver ::1\n');
  expect(lines(plainResolvConf(local, none))).toEqual(['nameserver 8.8.8.8', 'nameserver 8.8.4.4']);
});

test("what the user asks for replaces the host's, part by part; a search of . is none", () => {
  const asked = { dns: ['10.0.0.53'], dnsSearch: ['.'], dnsOptions: ['ndots:2'] };
  expect(lines(plainResolvConf(host, asked))).toEqual(['nameserver 10.0.0.53', 'options ndots:2']);
  expect(mergeDns(host, { ...none, dnsSearch: ['c.test'] })).toEqual({ ...host, search: ['c.test'] });
});

test('a user-defined network is served by 127.0.0.11, which asks the servers that would have been there', () => {
  const { text, upstreams } = embeddedResolvConf(host, none);
  expect(lines(text)).toEqual(['nameserver 127.0.0.11', 'search a.test b.test', 'options edns0 trust-ad ndots:0']);
  expect(upstreams).toEqual([
    { address: '127.0.0.53', from: 'host' },
    { address: '192.0.2.53', from: 'host' },
  ]);
  const own = embeddedResolvConf(host, { ...none, dns: ['127.0.0.1', '9.9.9.9'], dnsOptions: ['ndots:3'] });
  expect(lines(own.text).at(-1)).toBe('options ndots:3');
  expect(own.upstreams).toEqual([
    { address: '127.0.0.1', from: 'container' },
    { address: '9.9.9.9', from: 'host' },
  ]);
});

test('a hosts file has its lines in the order of Docker', () => {
  const file = formatHostsFile({
    extra: parseExtraHosts(['db:10.0.0.9', 'v6=[2001:db8::1]', 'up:host-gateway'], () => ['172.17.0.1']),
    links: [{ address: '172.17.0.3', names: ['alias', 'c2'] }],
    own: [{ address: '172.17.0.2', names: ['web.test', 'web'] }],
  });
  expect(file).toBe(
    '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n' +
      'ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n10.0.0.9\tdb\n2001:db8::1\tv6\n172.17.0.1\tup\n' +
      '172.17.0.3\talias c2\n172.17.0.2\tweb.test web\n',
  );
});

test('an extra host that would break the file is refused', () => {
  for (const text of ['db', 'db:', ':1.2.3.4', 'db:1.2.3', 'a b:1.2.3.4', 'a\nb:1.2.3.4'])
    expect(() => parseExtraHosts([text], () => [])).toThrow(/add-host/);
  expect(() => parseExtraHosts(['up:host-gateway'], () => [])).toThrow(
    'unable to derive the IP value for host-gateway',
  );
});
