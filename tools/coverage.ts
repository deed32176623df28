import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './repository.ts';
import type { Finding } from './rooms.ts';

const path = 'docs/coverage.md';

/**
 * Checks that what docs/coverage.md claims can be looked up: headings count their rows, every test that is named exists,
 * and a transcript that shows a command runs it.
 */
export function checkCoverage(text: string, readTest: (path: string) => string | undefined): Finding[] {
  const findings: Finding[] = [];
  const report = (line: number, rule: string): void => void findings.push({ path, line, rule });
  let section = { line: 0, claimed: 0, rows: 0 };
  const closeSection = (): void => {
    if (section.claimed !== section.rows)
      report(section.line, `claims ${section.claimed} rows and has ${section.rows}`);
  };
  for (const [index, line] of text.split('\n').entries()) {
    const heading = /^## .*: (\d+) of \d+$/.exec(line);
    if (heading !== null) {
      closeSection();
      section = { line: index + 1, claimed: Number(heading[1]), rows: 0 };
    }
    const row = /^\| [A-Z]+-\d+ +\| `([^`]+)` +\| `([^`]+)` +\|$/.exec(line);
    if (row === null) continue;
    section.rows++;
    const [, what = '', test = ''] = row;
    const shown = readTest(test);
    if (shown === undefined) report(index + 1, `names "${test}", which does not exist`);
    else if (what.startsWith('docker ') && test.endsWith('.txt') && !runs(shown, what))
      report(index + 1, `"${test}" does not run ${what}`);
  }
  closeSection();
  return findings;
}

function runs(transcript: string, command: string): boolean {
  return new RegExp(`\\b${command} `).test(`${transcript.replaceAll('\n', ' \n')} `);
}

/** Reads a test of this repository, if it is there. */
export function readTestFile(test: string): string | undefined {
  const file = join(repositoryRoot, test);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
