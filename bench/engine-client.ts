import { HttpClient } from '../packages/cli/src/http/client.ts';
import { Connection } from '../packages/cli/src/http/connection.ts';

/** A keep-alive client of an engine's socket, the same for every engine that is measured, and cheap beside all of them. */
export type EngineClient = Disposable & {
  call(method: string, path: string, body?: unknown): Promise<string>;
};

export function openEngineClient(socketPath: string): EngineClient {
  const client = new HttpClient(() =>
    Connection.connect({ kind: 'unix', path: socketPath, url: `unix://${socketPath}` }),
  );
  return {
    call: async (method, target, body) => {
      const headers = { 'Content-Type': 'application/json' };
      const reply = await client.send({
        method,
        target,
        ...(body === undefined ? {} : { headers, body: JSON.stringify(body) }),
      });
      return await reply.text();
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

/** One container from creation to removal, as a client of the API does it. */
export async function runThroughApi(client: EngineClient, networkMode: string): Promise<void> {
  const created = await client.call('POST', '/v1.45/containers/create', {
    Image: 'busybox',
    Cmd: ['true'],
    HostConfig: { NetworkMode: networkMode },
  });
  const { Id: id }: { Id: string } = JSON.parse(created);
  const waited = client.call('POST', `/v1.45/containers/${id}/wait?condition=next-exit`);
  await client.call('POST', `/v1.45/containers/${id}/start`);
  await waited;
  await client.call('DELETE', `/v1.45/containers/${id}`);
}
