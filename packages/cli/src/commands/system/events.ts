import { type EventWire, routes } from '@gantry/api';
import { flagText, type ParsedFlags } from '@gantry/base';
import { CliError } from '../../cli-error.ts';
import { type Command, type Invocation, textFlag } from '../../command.ts';
import { formatEvent } from '../../format/events.ts';
import { printRow, templateFailure } from '../../format/list-format.ts';
import { filterFlag, parseFilters } from '../../request/filters.ts';
import { parseMoment } from '../../request/timestamps.ts';
import { compileTemplate } from '../../template/execute.ts';
import { streamFormatFlag } from '../format-flag.ts';

export const eventsCommand: Command = {
  usage: '[OPTIONS]',
  flags: [
    filterFlag('Filter output by conditions', 'f'),
    streamFormatFlag,
    textFlag('since', 'Show all events since a time'),
    textFlag('until', 'Show events until a time, then end'),
  ],
  arity: { min: 0, max: 0 },
  run: showEvents,
};

async function showEvents({ session, flags }: Invocation): Promise<void> {
  const print = printerOf(flagText(flags, 'format') ?? '');
  const query = {
    sinceNanos: momentOf(flags, 'since'),
    untilNanos: momentOf(flags, 'until'),
    filters: parseFilters(flags),
  };
  for await (const line of await session.engine.textLines(routes.events, { query })) {
    session.out.line(print(parseEvent(line)));
    await session.out.flush();
  }
}

/** Nanoseconds since 1970 are beyond what a number holds exactly, so they are read from the text. */
function parseEvent(line: string): EventWire {
  const event = JSON.parse(line) as EventWire;
  const nanos = /"timeNano":(\d+)/.exec(line)?.[1];
  return nanos === undefined ? event : { ...event, timeNano: BigInt(nanos) };
}

function printerOf(format: string): (event: EventWire) => string {
  if (format === '') return formatEvent;
  try {
    const template = compileTemplate(format === 'json' ? '{{json .}}' : format);
    return (event) => printRow(template, event);
  } catch (error) {
    const failure = templateFailure(error, 'Error parsing format');
    throw failure instanceof CliError ? new CliError(failure.message, { exitCode: 64, cause: error }) : failure;
  }
}

function momentOf(flags: ParsedFlags, name: string): bigint {
  const text = flagText(flags, name) ?? '';
  return text === '' ? 0n : parseMoment(text, Date.now());
}
