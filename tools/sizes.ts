import type { TextFile } from './repository.ts';
import type { Finding } from './rooms.ts';

const maxTypeScriptLines = 500;
const maxCFileLines = 500;
const maxCFunctionLines = 60;
const maxCLinesInAll = 2500;

/** Checks the size limits of the style guide; blank lines and comments are free, so that nobody saves on them. */
export function checkSizes(files: readonly TextFile[]): Finding[] {
  const findings: Finding[] = [];
  let cLines = 0;
  for (const file of files) {
    const isC = /^packages\/native\/c\/.*\.[ch]$/.test(file.path);
    if (!isC && !/\.tsx?$/.test(file.path)) continue;
    if (isGenerated(file.text)) continue;
    const lines = countCodeLines(file.text);
    const limit = isC ? maxCFileLines : maxTypeScriptLines;
    if (lines > limit) findings.push({ path: file.path, line: 1, rule: `${lines} code lines; the limit is ${limit}` });
    if (!isC || isTestC(file.path)) continue;
    cLines += lines;
    findings.push(...longFunctions(file));
  }
  if (cLines > maxCLinesInAll) {
    findings.push({
      path: 'packages/native/c',
      line: 1,
      rule: `${cLines} code lines of C in all; the limit is ${maxCLinesInAll}`,
    });
  }
  return findings;
}

/** Lines that hold code: neither blank nor only a comment. */
export function countCodeLines(text: string): number {
  return withoutComments(text)
    .split('\n')
    .filter((line) => line.trim() !== '').length;
}

function isGenerated(text: string): boolean {
  return /^(\/\/|\/\*+)\s*Generated\b/i.test(text);
}

function isTestC(path: string): boolean {
  return /(^|\/)(test|fuzz|probe)[^/]*\.c$|\/(test|fuzz)\//.test(path);
}

/** Blanks block comments that begin a line, and lines that are a line comment; strings cannot begin a line of ours. */
function withoutComments(text: string): string {
  return text
    .replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, (comment) => comment.replace(/[^\n]/g, ''))
    .replace(/^[ \t]*\/\/.*$/gm, '');
}

function longFunctions(file: TextFile): Finding[] {
  const findings: Finding[] = [];
  const lines = withoutComments(file.text).split('\n');
  let start: number | undefined;
  for (const [index, line] of lines.entries()) {
    if (/^[A-Za-z_].*\)\s*\{\s*$/.test(line) || (line === '{' && index > 0)) start = index;
    if (line !== '}' || start === undefined) continue;
    const length = lines.slice(start, index + 1).filter((each) => each.trim() !== '').length;
    if (length > maxCFunctionLines) {
      findings.push({
        path: file.path,
        line: start + 1,
        rule: `a function of ${length} code lines; the limit is ${maxCFunctionLines}`,
      });
    }
    start = undefined;
  }
  return findings;
}
