import { accessSync, constants } from 'node:fs';
import { messageOf } from '@gantry/base';
import type { CallContext } from '../http/call.ts';

/** `GET /healthz`, `GET /debug/health`: a registry is healthy when it can write where it keeps everything. */
export function checkHealth({ store }: CallContext): Response {
  try {
    accessSync(store.layout.temporary, constants.W_OK);
    return Response.json({ status: 'ok' });
  } catch (error) {
    return Response.json({ status: 'failing', why: messageOf(error) }, { status: 503 });
  }
}
