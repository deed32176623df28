import { EngineError, messageOf } from '@gantry/base';
import type { Engine } from '@gantry/engine';
import { documentOf, nothing } from '../http/answer.ts';
import { type HandlersOf, idOf } from '../http/call.ts';
import { printExec } from '../print/exec.ts';
import { hijackMediaType } from './container-streams.ts';

/** Docker's frame of stdout: type, three zeros, length. An exec that cannot start says why on the stream. */
function stdoutFrame(text: string): Uint8Array {
  const payload = Buffer.from(text);
  const frame = Buffer.alloc(8 + payload.length);
  frame[0] = 1;
  frame.writeUInt32BE(payload.length, 4);
  payload.copy(frame, 8);
  return frame;
}

function sizeOf(size: readonly number[] | undefined): readonly [number, number] | undefined {
  if (size === undefined) return undefined;
  return [size[0] ?? 0, size[1] ?? 0];
}

export function execHandlers(engine: Engine): HandlersOf<'execCreate' | 'execStart' | 'execResize' | 'execInspect'> {
  const { containers } = engine;
  return {
    execCreate: async (call) => {
      const { detachKeys, consoleSize, ...request } = call.body;
      const execId = await containers.execCreate(idOf(call), {
        ...request,
        detachKeys: detachKeys === '' ? undefined : detachKeys,
        consoleSize: sizeOf(consoleSize),
      });
      return documentOf({ Id: execId });
    },
    execStart: async (call) => {
      const exec = containers.execInspect(idOf(call));
      if (exec.running || exec.exitCode !== undefined) {
        throw new EngineError('conflict', `exec command ${exec.id} has already run`);
      }
      const options = { tty: call.body.tty, consoleSize: sizeOf(call.body.consoleSize) };
      if (call.body.detach) {
        await containers.execStart(exec.id, undefined, options);
        return { kind: 'nothing', status: 200 };
      }
      return {
        kind: 'hijack',
        contentType: hijackMediaType(call, call.body.tty),
        run: async (client) => {
          try {
            await containers.execStart(exec.id, client, options);
          } catch (error) {
            const text = `${messageOf(error)}\r\n`;
            if (!client.writableEnded) client.write(call.body.tty ? text : stdoutFrame(text));
            throw error;
          }
        },
      };
    },
    execResize: async (call) => {
      await containers.execResize(idOf(call), call.query.rows, call.query.columns);
      return nothing;
    },
    execInspect: (call) => documentOf(printExec(containers.execInspect(idOf(call)))),
  };
}
