/**
 * A transcript: commands after `$ `, each followed by what it printed. Lines of standard error begin with `! `; an exit
 * code other than zero is the last line, `[exit 125]`. Text between commands that begins with `#` explains.
 *
 * The committed transcripts were recorded from the real Docker Engine among the peers, and both command lines must
 * repeat them before ours.
 */
export type Entry =
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'command'; readonly command: string; readonly printed: string };

export type Printed = { readonly stdout: string; readonly stderr: string; readonly exitCode: number };

/** Reads a transcript. */
export function parseTranscript(text: string): Entry[] {
  const entries: Entry[] = [];
  let command: string | undefined;
  let printed: string[] = [];
  const flush = (): void => {
    if (command !== undefined) entries.push({ kind: 'command', command, printed: printed.join('\n') });
    command = undefined;
    printed = [];
  };
  for (const line of text.replace(/\n$/, '').split('\n')) {
    if (line.startsWith('$ ') || line.startsWith('#') || line === '') flush();
    if (line.startsWith('$ ')) command = line.slice(2);
    else if (line.startsWith('#') || (line === '' && command === undefined)) entries.push({ kind: 'note', text: line });
    else printed.push(line);
  }
  flush();
  return entries;
}

export function formatTranscript(entries: readonly Entry[]): string {
  return entries.map((entry) => `${entry.kind === 'note' ? entry.text : formatCommand(entry)}\n`).join('');
}

function formatCommand(entry: { command: string; printed: string }): string {
  return entry.printed === '' ? `$ ${entry.command}` : `$ ${entry.command}\n${entry.printed}`;
}

/** What a command printed, as the transcript shows it: without what differs from run to run. */
export function formatPrinted(printed: Printed): string {
  const lines = [
    ...visibleLines(printed.stdout),
    ...visibleLines(printed.stderr).map((line) => `! ${line}`.trimEnd()),
    ...(printed.exitCode === 0 ? [] : [`[exit ${printed.exitCode}]`]),
  ];
  return lines.join('\n');
}

/** An empty line inside output would end the command's part, so it is shown as a pilcrow. */
function visibleLines(text: string): string[] {
  if (text === '') return [];
  return settle(text)
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => (line.trim() === '' ? '¶' : line.trimEnd()));
}

/** Docker Engine names runc and its shim in errors of a start; whose runtime it was is not part of what a client relies on. */
const runtimeNames =
  /failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: |(?<=exec failed: )unable to start container process: /g;

const changing: readonly (readonly [RegExp, string])[] = [
  [runtimeNames, ''],
  [/\r/g, '␍'],
  [/\b[0-9a-f]{64}\b/g, '<id>'],
  [/\b(?=[0-9a-f]*[0-9])[0-9a-f]{12}\b/g, '<short id>'],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d{4}| ?[+-]\d\d:\d\d|Z)?( UTC)?/g, '<time>'],
  [/\b(Less than a second|About a minute|About an hour|An hour|\d+ (seconds?|minutes?|hours?))\b( ago)?/g, '<while>$3'],
  [/\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b/g, '<mac>'],
  [/\b(10|172)\.\d+\.\d+\.(\d+)\b/g, '<net>.$2'],
  [/\b(3[2-9]|[45]\d|60)\d{3}(?=->)/g, '<port>'],
  [/\bbridge [0-9a-f]{12}\b/g, 'bridge <short id>'],
  [/ {3,}/g, '   '],
];

/**
 * Takes our hints out: after Docker's own text an error of ours may say how to mend it. What is left must be Docker's
 * text to the letter.
 */
export function withoutHints(printed: string, recorded: string): string {
  const expected = recorded.split('\n');
  return printed
    .split('\n')
    .map((line, index) => {
      const docker = expected[index];
      return docker !== undefined && /rror/.test(docker) && line.startsWith(`${docker}: `) ? docker : line;
    })
    .join('\n');
}

function settle(text: string): string {
  return changing.reduce((settled, [pattern, name]) => settled.replace(pattern, name), text);
}
