import { CliError } from '../cli-error.ts';
import type { Session } from '../session.ts';

/** Asks before something is thrown away. @throws CliError, silent and without blame, when the answer is not yes */
export async function confirm(session: Session, question: string): Promise<void> {
  session.out.write(`${question} [y/N] `);
  await session.out.flush();
  const answer = await readLine();
  if (!/^y(es)?$/i.test(answer?.trim() ?? '')) throw new CliError('', { exitCode: 0 });
}

async function readLine(): Promise<string | undefined> {
  let text = '';
  for await (const bytes of Bun.stdin.stream()) {
    text += new TextDecoder().decode(bytes);
    if (text.includes('\n')) return text.slice(0, text.indexOf('\n'));
  }
  return text === '' ? undefined : text;
}
