import type { Socket } from 'node:net';
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
  let heard = '';
  let isOver = false;
  let wake = (): void => undefined;
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    heard += text;
    wake();
  });
  const end = (): void => {
    isOver = true;
    wake();
  };
  socket.on('end', end);
  socket.on('close', end);
  socket.on('error', () => undefined); // its end is what matters, and that is told
  /** @returns '' when there will be none */
  const nextLine = async (): Promise<string> => {
    while (!heard.includes('\n') && !isOver) await new Promise<void>((resolve) => (wake = resolve));
    const at = heard.indexOf('\n');
    const line = heard.slice(0, Math.max(at, 0));
    heard = heard.slice(at + 1);
    return line;
  };
  return {
    say: (word, text = '') => {
      socket.write(`${word} ${text}\n`);
    },
    hear: async (word) => {
      const [, said, text = ''] = /^(\w+) (.*)$/.exec(await nextLine()) ?? [];
      if (said === word) return text;
      const why = said === 'refuse' ? text : 'the other daemon has ended';
      throw new EngineError('unavailable', `cannot take over: ${why}`);
    },
    [Symbol.dispose]: () => {
      socket.destroy();
    },
  };
}
