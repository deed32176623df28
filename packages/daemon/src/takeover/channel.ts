import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { EngineError } from '@gantry/base';

/** What two daemons say to each other, in this order; a `refuse` may come in place of any of them. */
export type Word = 'take' | 'listeners' | 'taken' | 'released' | 'ready' | 'moved' | 'refuse';

/** A conversation of two daemons: a word and its text a line. Disposing ends it. */
export type Channel = Disposable & {
  say(word: Word, text?: string): void;
  /** @returns the text of the next word. @throws unavailable when the other side ended, refused, or says another word */
  hear(word: Word): Promise<string>;
};

export function openChannel(socket: Socket): Channel {
  socket.on('error', () => undefined); // its end is what matters, and that is told by the lines
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  return {
    say: (word, text = '') => {
      socket.write(`${word} ${text}\n`);
    },
    hear: async (word) => {
      const next = await lines.next();
      const [, said, text = ''] = /^(\w+) (.*)$/.exec(next.done === true ? '' : String(next.value)) ?? [];
      if (said === word) return text;
      const why = said === 'refuse' ? text : 'the other daemon has ended';
      throw new EngineError('unavailable', `cannot take over: ${why}`);
    },
    [Symbol.dispose]: () => {
      socket.destroy();
    },
  };
}
