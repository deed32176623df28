import { Agent, request } from 'node:http';

/** A keep-alive client of an engine's socket, the same for every engine that is measured. */
export type EngineClient = Disposable & {
  call(method: string, path: string, body?: unknown): Promise<string>;
};

export function openEngineClient(socketPath: string): EngineClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  return {
    call: (method, path, body) => {
      const answered = Promise.withResolvers<string>();
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const headers =
        payload === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
      const sent = request({ socketPath, agent, method, path, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          if ((response.statusCode ?? 500) < 400) answered.resolve(text);
          else answered.reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        });
      });
      sent.on('error', answered.reject);
      sent.end(payload);
      return answered.promise;
    },
    [Symbol.dispose]: () => agent.destroy(),
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
