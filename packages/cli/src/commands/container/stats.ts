import { routes, type StatsWire } from '@gantry/api';
import { flagBool, flagText } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { anyNumber, boolFlag, type Command, type Invocation } from '../../command.ts';
import { formatRows } from '../../format/list-format.ts';
import { type StatsEntry, statsHeadings, statsRow, statsTable } from '../../format/stats.ts';
import type { Session } from '../../session.ts';
import { listFormatFlag } from '../format-flag.ts';

export const statsCommand: Command = {
  usage: '[OPTIONS] [CONTAINER...]',
  flags: [
    boolFlag('all', 'Show all containers (default shows just running)', { short: 'a' }),
    listFormatFlag,
    boolFlag('no-stream', 'Show one result and end'),
    boolFlag('no-trunc', 'Do not truncate output'),
  ],
  arity: { min: 0, max: anyNumber },
  words: 'container',
  run: showStats,
};

const refreshMs = 500;

async function showStats({ session, flags, words }: Invocation): Promise<void> {
  const asked = flagText(flags, 'format') ?? '';
  const format = asked === '' || asked === 'table' ? statsTable : asked;
  const isTruncated = !flagBool(flags, 'no-trunc');
  const print = (entries: readonly StatsEntry[]): string =>
    formatRows(
      format,
      entries.map((entry) => statsRow(entry, isTruncated)),
      statsHeadings,
    );
  if (flagBool(flags, 'no-stream')) {
    const names = words.length > 0 ? words : await listNames(session, flagBool(flags, 'all'));
    if (names.length > 0) session.out.write(print(await Promise.all(names.map((name) => readOnce(session, name)))));
    return;
  }
  await showLive(session, { names: words, all: flagBool(flags, 'all'), print });
}

async function listNames({ engine }: Session, all: boolean): Promise<string[]> {
  const containers = await engine.call(routes.containerList, { query: { all } });
  return containers.map((container) => container.Id);
}

async function readOnce({ engine }: Session, container: string): Promise<StatsEntry> {
  // Without one-shot the engine samples twice, since a share of time needs two moments.
  const query = { stream: false };
  for await (const stats of await engine.lines(routes.containerStats, { path: { id: container }, query })) {
    return { container, stats };
  }
  return { container, stats: undefined };
}

type Live = {
  readonly names: readonly string[];
  readonly all: boolean;
  readonly print: (entries: readonly StatsEntry[]) => string;
};

/** How long the first picture waits for every container to be heard of. */
const firstMs = 2000;

/** Follows containers and draws them over and over. Without names, those that start and end come and go. */
async function showLive(session: Session, { names, all, print }: Live): Promise<void> {
  const latest = new Map<string, StatsWire | undefined>();
  const heard = new Map<string, PromiseWithResolvers<void>>();
  const failures: string[] = [];
  const follow = async (container: string): Promise<void> => {
    latest.set(container, undefined);
    const first = Promise.withResolvers<void>();
    heard.set(container, first);
    try {
      const stream = await session.engine.lines(routes.containerStats, {
        path: { id: container },
        query: { stream: true },
      });
      for await (const stats of stream) {
        if (!latest.has(container)) return;
        latest.set(container, stats);
        first.resolve();
      }
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      failures.push(error.message);
    }
    latest.delete(container);
    first.resolve();
  };
  const watch =
    names.length > 0 ? undefined : await watchContainers(session, { all, follow, forget: (id) => latest.delete(id) });
  const followed = names.length > 0 ? names : await listNames(session, all);
  const work = followed.filter((name) => !latest.has(name)).map((name) => follow(name));
  const ended = Promise.all(watch === undefined ? work : [watch.ended]).then(() => 'ended' as const);
  await Promise.race([Promise.all([...heard.values()].map(({ promise }) => promise)), Bun.sleep(firstMs)]);
  while (true) {
    const entries = [...latest].map(([container, stats]) => ({ container, stats }));
    const lines = print(entries)
      .split('\n')
      .map((line) => `${line}\x1b[K\n`)
      .join('');
    session.out.write(`\x1b[H${lines}\x1b[J`);
    await session.out.flush();
    if ((await Promise.race([ended, Bun.sleep(refreshMs)])) === 'ended') break;
  }
  if (failures.length > 0) throw new CliError(failures.join('\n'));
}

type Watch = {
  readonly all: boolean;
  readonly follow: (id: string) => Promise<void>;
  readonly forget: (id: string) => void;
};

/** Hears of containers before they are listed, so that none that starts in between is missed. */
async function watchContainers({ engine }: Session, { all, follow, forget }: Watch): Promise<{ ended: Promise<void> }> {
  const query = { filters: new Map([['type', ['container']]]) };
  const events = await engine.lines(routes.events, { query });
  const begins = all ? ['start', 'create'] : ['start'];
  const ends = all ? ['destroy'] : ['destroy', 'die'];
  const listen = async (): Promise<void> => {
    for await (const { Action, Actor } of events) {
      if (begins.includes(Action)) void follow(Actor.ID).catch(() => forget(Actor.ID));
      else if (ends.includes(Action)) forget(Actor.ID);
    }
  };
  return { ended: listen() };
}
