import {
  type DnsAnswer,
  type DnsQuery,
  formatDnsResponse,
  formatIp,
  ipToBytes,
  parseDnsQuery,
  parseReverseName,
  recordType,
  responseCode,
} from '@gantry/net';
import type { Socket, TCPSocketListener, udp } from 'bun';
import { forwardQuery, framed, joined, takeFrames } from './dns-forward.ts';
import type { DnsService } from './dns-protocol.ts';
import { redirectDns } from './dns-redirect.ts';
import { inNetworkNamespace } from './in-network-namespace.ts';
import type { NameTable } from './name-table.ts';
import { embeddedServer } from './resolv-conf.ts';

// Docker's: long enough to spare queries, and names that move take their containers along.
const ttlSeconds = 600;
const maxTcpMessage = 65535;
const maxConnections = 64;
const idleSeconds = 15;
const classInternet = 1;

type Connection = { received: Uint8Array<ArrayBuffer> };

/**
 * The DNS server of one container: sockets inside its network namespace, served from outside.
 *
 * One life: `open` when the namespace stands, `service` replaced at every change, `close` at its end.
 */
export class DnsServer {
  service: DnsService;
  readonly #names: NameTable;
  readonly #namespacePath: string;
  #udp: udp.Socket<'buffer'> | undefined;
  #tcp: TCPSocketListener<Connection> | undefined;
  #connections = 0;

  constructor(service: DnsService, names: NameTable, pid: number) {
    this.service = service;
    this.#names = names;
    this.#namespacePath = `/proc/${pid}/ns/net`;
  }

  async open(): Promise<void> {
    const udpSocket = inNetworkNamespace(this.#namespacePath, () => {
      // Bun makes and binds the socket before it returns its promise; the wait comes after the way back.
      const pending = this.#bindUdp();
      this.#tcp = this.#listen();
      return pending;
    });
    this.#udp = await udpSocket;
    const ports = { udp: this.#udp.port, tcp: this.#tcp?.port ?? 0 };
    inNetworkNamespace(this.#namespacePath, () => redirectDns(ports));
  }

  close(): void {
    this.#udp?.close();
    this.#tcp?.stop(true);
  }

  #bindUdp(): Promise<udp.Socket<'buffer'>> {
    return Bun.udpSocket({
      hostname: embeddedServer,
      port: 0,
      socket: {
        data: (socket, bytes, ...[port, address]) => {
          void this.#answer(bytes, false).then((answer) => {
            if (answer !== undefined && !socket.closed) socket.send(answer, port, address);
          });
        },
      },
    });
  }

  #listen(): TCPSocketListener<Connection> {
    return Bun.listen<Connection>({
      hostname: embeddedServer,
      port: 0,
      socket: {
        open: (socket) => {
          socket.data = { received: new Uint8Array(0) };
          socket.timeout(idleSeconds);
          if (++this.#connections > maxConnections) socket.terminate();
        },
        data: (socket, chunk) => this.#receive(socket, chunk),
        close: () => {
          this.#connections--;
        },
        timeout: (socket) => {
          socket.terminate();
        },
      },
    });
  }

  #receive(socket: Socket<Connection>, chunk: Uint8Array): void {
    const { frames, rest } = takeFrames(joined(socket.data.received, chunk));
    socket.data.received = rest;
    if (rest.length > maxTcpMessage + 2) socket.terminate();
    for (const frame of frames)
      void this.#answer(frame, true).then((answer) => {
        if (answer !== undefined) socket.write(framed(answer));
      });
  }

  async #answer(bytes: Uint8Array, overTcp: boolean): Promise<Uint8Array | undefined> {
    const query = parseDnsQuery(bytes);
    if (query === undefined) return undefined;
    const size = overTcp ? maxTcpMessage : query.udpSize;
    const own = this.#ownAnswers(query);
    if (own !== undefined) return formatDnsResponse(query, { code: responseCode.ok, answers: own, ttlSeconds }, size);
    const { upstreams, mayForward } = this.service;
    const forward = { bytes: bytes.slice(), query, upstreams, namespacePath: this.#namespacePath, overTcp };
    const answer = mayForward ? await forwardQuery(forward) : undefined;
    return answer ?? formatDnsResponse(query, { code: responseCode.serverFailure, answers: [], ttlSeconds }, size);
  }

  /** Answers about containers; undefined when the question is not about one. A known name without such a record: none. */
  #ownAnswers(query: DnsQuery): DnsAnswer[] | undefined {
    if (query.class !== classInternet) return undefined;
    const { viewer } = this.service;
    if (query.type === recordType.ptr) {
      const address = parseReverseName(query.name);
      const name = address === undefined ? undefined : this.#names.nameOf(viewer, formatIp(address));
      return name === undefined ? undefined : [{ type: 'name', name }];
    }
    const addresses = this.#names.resolve(viewer, query.name);
    if (addresses === undefined) return undefined;
    const family = query.type === recordType.a ? 4 : query.type === recordType.aaaa ? 6 : 0;
    const fitting = addresses.filter((address) => address.family === family);
    return shuffled(fitting).map((address) => ({ type: 'address', address: ipToBytes(address) }));
  }
}

/** Several containers with one alias share the load by the order of answers. */
function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
