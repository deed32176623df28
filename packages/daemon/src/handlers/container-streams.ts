import { streamMediaType } from '@gantry/api';
import { EngineError } from '@gantry/base';
import type { Engine } from '@gantry/engine';
import { documentOf } from '../http/answer.ts';
import { type Call, type HandlersOf, idOf } from '../http/call.ts';
import { printStats } from '../print/stats.ts';
import { everySecond, sampleLines } from './stats-lines.ts';

/** What a hijacked stream is called: framed only for clients that asked for a switch and know the word. */
export function hijackMediaType(call: Call, tty: boolean): string {
  return streamMediaType(call.version, tty || !call.isUpgrade);
}

export function containerStreamHandlers(
  engine: Engine,
): HandlersOf<'containerLogs' | 'containerStats' | 'containerAttach'> {
  const { containers } = engine;
  return {
    containerLogs: (call) => {
      const { query } = call;
      if (!query.stdout && !query.stderr) {
        throw new EngineError('invalid', 'Bad parameters: you must choose at least one stream');
      }
      const { config } = containers.get(idOf(call));
      const chunks = containers.logs(idOf(call), { ...query, tail: tailOf(query.tail) }, call.signal);
      return { kind: 'bytes', contentType: streamMediaType(call.version, config.tty), chunks };
    },
    containerStats: async (call) => {
      const container = containers.get(idOf(call));
      if (call.query.stream) {
        return { kind: 'lines', headers: 'now', lines: sampleLines(containers, container, call.signal) };
      }
      const before = call.query.oneShot ? undefined : await containers.sample(container.id);
      if (before !== undefined) await everySecond(call.signal);
      const now = await containers.sample(container.id);
      return documentOf(printStats(container, { now, before }));
    },
    containerAttach: (call) => {
      const container = containers.get(idOf(call));
      if (container.status.kind === 'running' && container.status.paused) {
        // Said before the connection is hijacked, so that it is an answer and not a stray text on the terminal.
        throw new EngineError('conflict', `container ${container.id} is paused, unpause the container before attach`);
      }
      const { detachKeys, ...wanted } = call.query;
      const options = { ...wanted, detachKeys: detachKeys === '' ? undefined : detachKeys };
      return {
        kind: 'hijack',
        contentType: hijackMediaType(call, container.config.tty),
        run: (client) => containers.attach(container.id, client, options),
      };
    },
  };
}

/** `all`, nothing and nonsense mean every line, as in Docker. */
function tailOf(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
