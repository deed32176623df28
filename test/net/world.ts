import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cloneFlag, close, open, openFlag, type Plan, sealedMemfd, setns, unshare } from '@gantry/native';
import {
  addAddress,
  addRoute,
  changeLink,
  createVeth,
  dumpLinks,
  dumpTables,
  NetlinkSocket,
  netlinkFamily,
  parseCidr,
  parseIp,
  parseLink,
  parseMac,
  parseTable,
} from '@gantry/net';
import type { EndpointConfig } from '../../packages/engine/src/containers/types.ts';
import { openDb } from '../../packages/engine/src/db/index.ts';
import { inNetworkNamespace } from '../../packages/engine/src/network/in-network-namespace.ts';
import {
  type Joined,
  type JoinRequest,
  type NetworkCreateRequest,
  type NetworkDeps,
  type NetworkRoom,
  openNetworkRoom,
} from '../../packages/engine/src/network/index.ts';
import { buildNative } from '../../packages/native/build.ts';
import { waitFor } from '../harness/wait-for.ts';
import { Task } from '../native/task.ts';

export type Container = AsyncDisposable & {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly namespace: string;
  readonly joined: Joined;
  readonly ipv4: string;
  /** Ends the process, and tells the room, as an exit does. */
  stop(): Promise<void>;
};

export type RunOptions = Partial<JoinRequest> & { readonly endpoints?: Readonly<Record<string, EndpointConfig>> };

/**
 * A host of its own for a test file: the test's thread moves into a new network namespace, whose `up0` leads to another
 * one that stands for the outside. Nothing of the machine's network is seen or touched, and the end of the process
 * takes all of it.
 */
export class World implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'gantry-net-'));
  readonly events: string[] = [];
  readonly warnings: string[] = [];
  readonly hostAddress = '198.51.100.1';
  readonly outsideAddress = '198.51.100.2';
  readonly outside: string;
  room: NetworkRoom;
  readonly #home = open('/proc/thread-self/ns/net', openFlag.readOnly);
  readonly #outsideProcess: Bun.Subprocess;
  readonly #program: number;
  readonly #containers = new Map<string, Container>();
  #count = 0;
  readonly #db: ReturnType<typeof openDb>;
  readonly #options: Partial<NetworkDeps>;

  static async open(options: Partial<NetworkDeps> = {}): Promise<World> {
    return new World(sealedMemfd('gantry-native', readFileSync(await buildNative())), options);
  }

  private constructor(program: number, options: Partial<NetworkDeps>) {
    this.#program = program;
    this.#options = options;
    unshare(cloneFlag.newNet);
    this.#outsideProcess = Bun.spawn(['unshare', '--net', 'sleep', 'infinity'], {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    this.outside = `/proc/${this.#outsideProcess.pid}/ns/net`;
    this.#waitForOutside();
    this.#connectOutside();
    this.#db = openDb(join(this.dir, 'db'));
    this.room = this.openRoom();
  }

  #waitForOutside(): void {
    const here = readlinkSync('/proc/thread-self/ns/net');
    while (readlinkSync(this.outside) === here) Bun.sleepSync(1);
  }

  #connectOutside(): void {
    using socket = new NetlinkSocket(netlinkFamily.route);
    const fd = open(this.outside, openFlag.readOnly);
    const mac = parseMac('02:00:00:00:00:01') ?? new Uint8Array(6);
    const address = (text: string): NonNullable<ReturnType<typeof parseCidr>> => {
      const cidr = parseCidr(text);
      if (cidr === undefined) throw new Error(`no address: ${text}`);
      return cidr;
    };
    socket.request('connect the outside', (writer) => {
      createVeth(writer, { name: 'up0', index: 50, mac, mtu: 0, peerName: 'out0', peerNetnsFd: fd });
      changeLink(writer, { index: 1, up: true });
      addAddress(writer, 50, address(`${this.hostAddress}/24`));
      addAddress(writer, 50, address('2001:db8:1::1/64'));
      changeLink(writer, { index: 50, up: true });
      const gateway = parseIp(this.outsideAddress);
      addRoute(writer, { family: 4, destination: undefined, gateway, index: 0 });
    });
    close(fd);
    inNetworkNamespace(this.outside, () => {
      using inside = new NetlinkSocket(netlinkFamily.route);
      const out = inside.dump('list links', dumpLinks).flatMap((m) => parseLink(m) ?? []);
      const index = out.find(({ name }) => name === 'out0')?.index ?? 0;
      inside.request('address the outside', (writer) => {
        changeLink(writer, { index: 1, up: true });
        addAddress(writer, index, address(`${this.outsideAddress}/24`));
        addAddress(writer, index, address('2001:db8:1::2/64'));
        changeLink(writer, { index, up: true });
      });
    });
  }

  /** Opens the room on this world's rows: again after `closeRoom`, as the next daemon does. */
  openRoom(changed: Partial<NetworkDeps> = {}): NetworkRoom {
    const files = join(this.dir, 'files');
    mkdirSync(files, { recursive: true });
    writeFileSync(join(files, 'resolv.conf'), `nameserver ${this.outsideAddress}\nsearch example.test\n`);
    writeFileSync(join(files, 'hosts'), '127.0.0.1\tlocalhost\n');
    this.room = openNetworkRoom({
      db: this.#db,
      events: {
        record: (type, action, ...[, attributes]) => {
          this.events.push(`${type} ${action} ${attributes.name}`);
        },
      },
      instance: 'test',
      bridgeName: 'gantry0',
      bip: '10.200.0.1/24',
      now: () => new Date(),
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      pidOf: (id) => this.#containers.get(id)?.pid,
      resolveContainer: (ref) => {
        const found = [...this.#containers.values()].find(({ id, name }) => id === ref || name === ref);
        if (found === undefined) throw new Error(`no such container: ${ref}`);
        return found;
      },
      filesOf: (id) => ({ hosts: join(this.dir, `${id}.hosts`), resolvConf: join(this.dir, `${id}.resolv.conf`) }),
      hostFiles: { hosts: join(files, 'hosts'), resolvConf: join(files, 'resolv.conf') },
      warn: (message) => {
        this.warnings.push(message);
      },
      ...this.#options,
      ...changed,
    });
    return this.room;
  }

  /** The daemon ends; what runs goes on running. */
  async closeRoom(): Promise<void> {
    await this.room[Symbol.asyncDispose]();
  }

  running(): { id: string; pid: number }[] {
    return [...this.#containers.values()].map(({ id, pid }) => ({ id, pid }));
  }

  file(id: string, name: 'hosts' | 'resolv.conf'): string {
    return readFileSync(join(this.dir, `${id}.${name}`), 'utf8');
  }

  /** Creates and starts a container through a real plan; its process sleeps. */
  async run(name: string, options: RunOptions = {}): Promise<Container> {
    const id = (++this.#count).toString(16).padStart(4, '0').repeat(16);
    const { endpoints = {}, ...asked } = options;
    const request: JoinRequest = { ...plainRequest, hostname: name, ...asked, containerId: id, containerName: name };
    this.room.attach({ id, name, networkMode: request.networkMode }, endpoints);
    let joined: Joined;
    try {
      joined = await this.room.join(request);
    } catch (error) {
      this.room.detachAll(id);
      throw error;
    }
    writeFileSync(join(this.dir, `${id}.hosts`), joined.hostsFile);
    writeFileSync(join(this.dir, `${id}.resolv.conf`), joined.resolvConf);
    const task = new Task(this.#program, this.#planOf(id, joined)).start();
    const container: Container = {
      id,
      name,
      pid: task.pid,
      namespace: `/proc/${task.pid}/ns/net`,
      joined,
      ipv4: joined.endpoints[0]?.ipv4Address ?? '',
      stop: async () => {
        if (!this.#containers.delete(id)) return;
        await task[Symbol.asyncDispose]();
        this.room.leave(id);
      },
      [Symbol.asyncDispose]: async () => {
        await container.stop();
        this.room.detachAll(id);
      },
    };
    this.#containers.set(id, container);
    if (joined.needsDns) await this.room.serveDns(id, task.pid);
    return container;
  }

  #planOf(id: string, joined: Joined): Plan {
    const taskDir = join(this.dir, id);
    mkdirSync(taskDir, { recursive: true });
    const netns = joined.namespace.kind === 'own' ? 0x40000000n : 0n;
    return {
      shim: {
        taskDir,
        exitRecord: join(this.dir, `${id}.exit`),
        log: { kind: 'none' },
        terminal: false,
        openStdin: false,
        stdinOnce: false,
        oomFile: '',
        killProcsFile: '',
      },
      parent: [...joined.parentActs, { verb: 'clone', flags: netns, cgroup: undefined }],
      beside: [],
      child: [
        ...joined.childActs,
        { verb: 'awaitBeside' },
        { verb: 'boundingSet', mask: 0n },
        { verb: 'user', uid: 0, gid: 0, groups: new Uint8Array() },
        { verb: 'capabilities', effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n },
        { verb: 'chdir', path: '/', create: 0 },
        { verb: 'ready' },
        { verb: 'exec', argv: ['/bin/sleep', 'infinity'], env: [] },
      ],
    };
  }

  /** Links and tables of this world, without the loopback and the way out. */
  leftovers(): string[] {
    using route = new NetlinkSocket(netlinkFamily.route);
    using filter = new NetlinkSocket(netlinkFamily.netfilter);
    const links = route.dump('list links', dumpLinks).flatMap((m) => parseLink(m) ?? []);
    const tables = filter.dump('list tables', dumpTables).flatMap((m) => parseTable(m) ?? []);
    return [
      ...links.map(({ name }) => `link ${name}`).filter((line) => line !== 'link lo' && line !== 'link up0'),
      ...tables.map(({ family, name }) => `table ${family} ${name}`),
    ].sort();
  }

  /** Containers' links go with their namespaces, which the kernel ends in its own time. */
  async linksGone(): Promise<void> {
    await waitFor(
      'links of ended containers are gone',
      () => !this.leftovers().some((line) => line.startsWith('link v')),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const container of [...this.#containers.values()]) await container[Symbol.asyncDispose]();
    await this.closeRoom();
    this.#db[Symbol.dispose]();
    this.#outsideProcess.kill();
    await this.#outsideProcess.exited;
    setns(this.#home, cloneFlag.newNet);
    close(this.#home);
    close(this.#program);
    rmSync(this.dir, { recursive: true });
  }
}

const plainRequest: Omit<JoinRequest, 'containerId' | 'containerName'> = {
  hostname: '',
  domainname: '',
  networkMode: 'default',
  exposedPorts: [],
  portBindings: {},
  publishAllPorts: false,
  dns: [],
  dnsOptions: [],
  dnsSearch: [],
  extraHosts: [],
};

export const plainNetwork: Omit<NetworkCreateRequest, 'name'> = {
  driver: 'bridge',
  internal: false,
  attachable: false,
  enableIpv4: true,
  enableIpv6: false,
  ipam: { driver: 'default', options: {}, pools: [] },
  options: {},
  labels: {},
};

/** A request for a bridge network with one subnet. */
export function network(name: string, subnet: string, more: Partial<NetworkCreateRequest> = {}): NetworkCreateRequest {
  const pools = subnet === '' ? [] : [{ subnet, ipRange: '', gateway: '', auxAddresses: {} }];
  return { ...plainNetwork, name, ipam: { driver: 'default', options: {}, pools }, ...more };
}
