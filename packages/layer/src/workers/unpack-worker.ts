import { close, open, openFlag } from '@gantry/native';
import { applyLayer } from '../apply/apply-layer.ts';
import { Growth, readGrowing } from './growing-file.ts';
import { describeFailure, type UnpackRequest, type WorkerReply } from './protocol.ts';

/** The entry of a worker thread: one request at a time, progress at most ten times a second, one last reply. */
const port = globalThis as unknown as {
  onmessage: (event: MessageEvent<UnpackRequest>) => void;
  postMessage: (reply: WorkerReply) => void;
};
const progressIntervalMs = 100;

async function* reported(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let consumedBytes = 0;
  let reportedAt = performance.now();
  for await (const chunk of source) {
    consumedBytes += chunk.length;
    const now = performance.now();
    if (now - reportedAt >= progressIntervalMs) {
      reportedAt = now;
      port.postMessage({ kind: 'progress', consumedBytes });
    }
    yield chunk;
  }
}

async function unpack(request: UnpackRequest): Promise<WorkerReply> {
  try {
    const root = open(request.directory, openFlag.readOnly | openFlag.directory | openFlag.noFollow);
    try {
      const source = readGrowing(request.file, request.offset, new Growth(request.growth));
      return { kind: 'done', layer: await applyLayer(reported(source), root, request.hiding) };
    } finally {
      close(root);
    }
  } catch (error) {
    return describeFailure(error);
  }
}

port.onmessage = (event) => {
  void unpack(event.data).then((reply) => port.postMessage(reply));
};
