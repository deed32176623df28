import {
  formatDnsResponse,
  formatIp,
  ipFromBytes,
  ipToBytes,
  parseDnsQuery,
  parseIp,
  recordType,
  responseCode,
} from '@gantry/net';
import { framed, takeFrames } from '../../packages/engine/src/network/dns-forward.ts';
import { inNetworkNamespace } from '../../packages/engine/src/network/in-network-namespace.ts';

const types = { A: 1, AAAA: 28, PTR: 12, MX: 15 } as const;
const codes = ['ok', 'format error', 'server failure', 'no such name', 'not implemented', 'refused'];

export type Question = {
  readonly namespace: string;
  readonly server?: string;
  readonly name: string;
  readonly type: keyof typeof types;
  readonly over: 'udp' | 'tcp';
};

/** Asks a DNS server from inside a namespace. @returns the first answer, or what the server said without one */
export async function ask(question: Question): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
  const timer = setTimeout(() => resolve(undefined), 6000);
  const server = { hostname: question.server ?? '127.0.0.11', port: 53 };
  const bytes = formatQuery(question);
  const close = question.over === 'udp' ? await overUdp() : await overTcp();
  const answer = await promise;
  clearTimeout(timer);
  close();
  return answer === undefined ? 'timeout' : readAnswer(answer, bytes.length);

  async function overUdp(): Promise<() => void> {
    const socket = await inNetworkNamespace(question.namespace, () =>
      Bun.udpSocket({ connect: server, socket: { data: (_socket, data) => resolve(data.slice()) } }),
    );
    socket.send(bytes);
    return () => socket.close();
  }

  async function overTcp(): Promise<() => void> {
    const socket = await inNetworkNamespace(question.namespace, () =>
      Bun.connect({
        ...server,
        socket: {
          open: (opened) => {
            opened.write(framed(bytes));
          },
          data: (_socket, data) => resolve(takeFrames(data).frames[0]),
        },
      }),
    );
    return () => socket.end();
  }
}

function formatQuery({ name, type }: Question): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  return Uint8Array.of(0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, types[type], 0, 1);
}

function readAnswer(answer: Uint8Array, at: number): string {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  if (view.getUint16(0) !== 0x1234) return 'an answer to another query';
  const code = (answer[3] ?? 0) & 15;
  if (view.getUint16(6) === 0) return codes[code] ?? `code ${code}`;
  const length = view.getUint16(at + 10);
  const data = answer.subarray(at + 12, at + 12 + length);
  if (view.getUint16(at + 2) === types.PTR) return readLabels(data);
  const ip = ipFromBytes(data);
  return ip === undefined ? `record ${view.getUint16(at + 2)}` : formatIp(ip);
}

function readLabels(data: Uint8Array): string {
  const labels: string[] = [];
  for (let at = 0; data[at] !== 0 && at < data.length; at += 1 + (data[at] ?? 0))
    labels.push(new TextDecoder().decode(data.subarray(at + 1, at + 1 + (data[at] ?? 0))));
  return labels.join('.');
}

/** A DNS server of the outside, with a list of names; it notes what it was asked. */
export async function serveNames(
  namespace: string,
  address: string,
  names: Readonly<Record<string, string>>,
): Promise<Disposable & { readonly asked: string[] }> {
  const asked: string[] = [];
  const answer = (bytes: Uint8Array): Uint8Array | undefined => {
    const query = parseDnsQuery(bytes);
    if (query === undefined) return undefined;
    asked.push(query.name);
    const ip = parseIp(names[query.name] ?? '');
    const found = ip !== undefined && query.type === recordType.a;
    return formatDnsResponse(
      query,
      {
        code: found ? responseCode.ok : responseCode.nameError,
        answers: found ? [{ type: 'address', address: ipToBytes(ip) }] : [],
        ttlSeconds: 1,
      },
      512,
    );
  };
  const listener = inNetworkNamespace(namespace, () =>
    Bun.listen({
      hostname: address,
      port: 53,
      socket: {
        data(socket, bytes) {
          for (const frame of takeFrames(bytes).frames) socket.write(framed(answer(frame) ?? new Uint8Array(0)));
        },
      },
    }),
  );
  const socket = await inNetworkNamespace(namespace, () =>
    Bun.udpSocket({
      hostname: address,
      port: 53,
      socket: {
        data(server, bytes, ...[port, from]) {
          const reply = answer(bytes);
          if (reply !== undefined) server.send(reply, port, from);
        },
      },
    }),
  );
  const close = (): void => {
    socket.close();
    listener.stop(true);
  };
  return { asked, [Symbol.dispose]: close };
}
