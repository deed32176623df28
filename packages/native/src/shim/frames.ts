import { EngineError } from '@gantry/base';
import { attachFlag, frameType } from './protocol.ts';

export type Frame = { readonly type: number; readonly payload: Uint8Array };

/** Bytes before every payload: Docker's own stream framing. */
export const frameHeaderBytes = 8;
/** No shim sends a longer payload; a header that says so is not a shim's. */
export const frameMaxBytes = 2 ** 20;

export function encodeFrame(type: number, payload: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = new Uint8Array(frameHeaderBytes + payload.length);
  bytes[0] = type;
  new DataView(bytes.buffer).setUint32(4, payload.length, false);
  bytes.set(payload, frameHeaderBytes);
  return bytes;
}

/** Asks the shim to signal init, or every process of the task's cgroup. */
export function encodeSignal(signal: number, everyProcess = false): Uint8Array {
  return encodeFrame(frameType.signal, new Uint8Array(Uint32Array.of(signal, everyProcess ? 1 : 0).buffer));
}

export function encodeResize(rows: number, columns: number): Uint8Array {
  return encodeFrame(frameType.resize, new Uint8Array(Uint16Array.of(rows, columns).buffer));
}

/** First frame of a connection that wants the process's streams; raw bytes follow in both directions. */
export function encodeAttach(streams: Readonly<Partial<Record<keyof typeof attachFlag, boolean>>>): Uint8Array {
  let flags = 0;
  if (streams.stdin === true) flags |= attachFlag.stdin;
  if (streams.stdout === true) flags |= attachFlag.stdout;
  if (streams.stderr === true) flags |= attachFlag.stderr;
  return encodeFrame(frameType.attach, new Uint8Array(Uint32Array.of(flags).buffer));
}

/**
 * Puts frames together from chunks as a socket gives them: `push` each chunk, get the frames it completed.
 *
 * The payloads are copies, so a chunk's memory may be used again.
 */
export class FrameDecoder {
  #rest = new Uint8Array();

  /** @throws internal when the bytes cannot be a shim's: the connection is of no more use */
  push(chunk: Uint8Array): Frame[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= frameHeaderBytes) {
      const length = view.getUint32(at + 4, false);
      if (length > frameMaxBytes || (view.getUint32(at, false) & 0xffffff) !== 0) {
        throw new EngineError('internal', 'cannot read from the shim: not a frame');
      }
      const end = at + frameHeaderBytes + length;
      if (end > bytes.length) break;
      frames.push({ type: view.getUint8(at), payload: bytes.slice(at + frameHeaderBytes, end) });
      at = end;
    }
    this.#rest = bytes.slice(at);
    return frames;
  }

  /** Bytes of a frame that has not come whole: not zero at the end of a stream means that it was cut. */
  get pendingBytes(): number {
    return this.#rest.length;
  }
}
