import { type ContainerWhyWire, routes } from '@gantry/api';
import { flagText } from '@gantry/base';
import type { Command, Invocation } from '../../command.ts';
import { isWholeJson, printRow, templateFailure } from '../../format/list-format.ts';
import { compileTemplate } from '../../template/execute.ts';
import { documentFormatFlag } from '../format-flag.ts';

export const whyCommand: Command = {
  usage: '[OPTIONS] CONTAINER',
  long: 'Say why a container ended, does not start, or runs on: from what was recorded, never guessed.',
  flags: [documentFormatFlag],
  arity: { min: 1, max: 1 },
  words: 'container',
  run: sayWhy,
};

async function sayWhy({ session, flags, words }: Invocation): Promise<void> {
  const why = await session.engine.call(routes.containerWhy, { path: { id: words[0] ?? '' } });
  session.out.line(printerOf(flagText(flags, 'format') ?? '')(why));
}

function printerOf(format: string): (why: ContainerWhyWire) => string {
  if (format === '') return sayInWords;
  if (isWholeJson(format)) return (why) => JSON.stringify(why);
  try {
    const template = compileTemplate(format);
    return (why) => printRow(template, why);
  } catch (error) {
    throw templateFailure(error);
  }
}

function sayInWords({ Sentences, Log }: ContainerWhyWire): string {
  const log = Log.length === 0 ? [] : ['', 'The last lines of its log:', ...Log.map((line) => `  ${line}`)];
  return [...Sentences, ...log].join('\n');
}
