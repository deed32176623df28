import type { Command, CommandRow, Flag, WordKind } from './command.ts';
import { type CommandTable, findCommand } from './command-table.ts';

export type Candidate = { readonly word: string; readonly about: string };

/** What may come next: words of the table, and the kind of name that the engine knows more of. */
export type Completion = { readonly candidates: readonly Candidate[]; readonly names: WordKind };

/**
 * Says what may stand in place of the last, unfinished word.
 *
 * @param words everything after the program, the unfinished word last
 */
export async function completeWords(table: CommandTable, words: readonly string[]): Promise<Completion> {
  const partial = words.at(-1) ?? '';
  const before = withoutGlobals(table, words.slice(0, -1));
  const found = before.length === 0 ? undefined : findCommand(table, before);
  if (found?.kind === 'unknown') return nothing;
  if (found?.kind === 'command') return completeCommand(await found.row.load(), found.rest, partial);
  const prefix = found === undefined ? '' : `${found.group.name} `;
  if (found !== undefined && found.rest.length > 0) return nothing;
  const groups = found === undefined ? table.groups.map(({ name, short }) => ({ word: name, about: short })) : [];
  const all = [...table.commands.flatMap((command) => spellings(command, prefix)), ...groups];
  const flags = found === undefined && partial.startsWith('-') ? table.globalFlags.map(flagCandidate) : [];
  return { candidates: startingWith([...all, ...flags], partial), names: 'none' };
}

const nothing: Completion = { candidates: [], names: 'none' };

function withoutGlobals(table: CommandTable, words: readonly string[]): readonly string[] {
  const rest = [...words];
  while (rest[0]?.startsWith('-')) {
    const word = rest.shift() ?? '';
    const flag = table.globalFlags.find(({ name, short }) => word === `--${name}` || word === `-${short}`);
    if (flag !== undefined && flag.kind !== 'bool') rest.shift();
  }
  return rest;
}

function spellings(command: CommandRow, prefix: string): Candidate[] {
  const depth = prefix === '' ? 1 : 2;
  const name = command.names.find((candidate) => candidate.startsWith(prefix) && candidate.split(' ').length === depth);
  if (name === undefined || command.hidden) return [];
  return [{ word: name.slice(prefix.length), about: command.short }];
}

function completeCommand(command: Command, words: readonly string[], partial: string): Completion {
  const valued = command.flags.find((flag) => flag.kind !== 'bool' && isFlag(flag, words.at(-1) ?? ''));
  if (valued !== undefined) {
    const candidates = (valued.choices ?? []).map((word) => ({ word, about: '' }));
    const names = /file$/.test(valued.name) || valued.name === 'input' ? 'file' : 'none';
    return { candidates: startingWith(candidates, partial), names };
  }
  if (partial.startsWith('-')) {
    const flags = command.flags.filter((flag) => flag.hidden !== true).map(flagCandidate);
    return { candidates: startingWith(flags, partial), names: 'none' };
  }
  return { candidates: [], names: command.words ?? 'none' };
}

function isFlag({ name, short }: Flag, word: string): boolean {
  return word === `--${name}` || (short !== undefined && short !== '' && new RegExp(`^-[a-zA-Z]*${short}$`).test(word));
}

function flagCandidate({ name, usage }: Flag): Candidate {
  return { word: `--${name}`, about: usage.split('\n')[0] ?? '' };
}

export function startingWith(candidates: readonly Candidate[], partial: string): Candidate[] {
  return candidates
    .filter(({ word }) => word.startsWith(partial))
    .sort((left, right) => (left.word < right.word ? -1 : 1));
}

export type Shell = 'bash' | 'zsh' | 'fish';

/** The script that makes a shell ask `gantry __complete` what may come next. A line `:file` means file names. */
export function completionScript(shell: Shell, program: string): string {
  return scripts[shell].replaceAll('PROGRAM', program);
}

const scripts: Readonly<Record<Shell, string>> = {
  bash: `# bash completion for PROGRAM
_PROGRAM() {
  local current="\${COMP_WORDS[COMP_CWORD]}" line
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :file ]]; then
      mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
    else
      COMPREPLY+=("\${line%%$'\\t'*}")
    fi
  done < <(PROGRAM __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _PROGRAM PROGRAM
`,
  zsh: `#compdef PROGRAM
_PROGRAM() {
  local -a found
  local line word about
  while IFS= read -r line; do
    if [[ $line == :file ]]; then
      _files
      continue
    fi
    word="\${line%%$'\\t'*}"
    about="\${line#*$'\\t'}"
    found+=("\${word//:/\\\\:}:$about")
  done < <(PROGRAM __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe PROGRAM found
}
compdef _PROGRAM PROGRAM
`,
  fish: `# fish completion for PROGRAM
function __PROGRAM_complete
  set -l words (commandline -opc) (commandline -ct)
  PROGRAM __complete $words[2..-1] 2>/dev/null | string match -v ':file'
end
complete -c PROGRAM -f -a '(__PROGRAM_complete)'
`,
};
