import { expect, test } from 'bun:test';
import { checkCoverage } from './coverage.ts';

const rows = (text: string): string[] =>
  checkCoverage(text, (path) => (path === 'test/a.txt' ? '$ docker ps -a\n' : undefined)).map(({ rule }) => rule);

test('a row that its transcript runs is fine', () => {
  expect(rows('## Commands: 1 of 2\n\n| CLI-001 | `docker ps` | `test/a.txt` |\n')).toEqual([]);
});

test('a wrong count, a missing test and a command that is not run are found', () => {
  const text =
    '## Commands: 3 of 9\n| CLI-001 | `docker run` | `test/a.txt` |\n| CLI-002 | `docker ps` | `test/b.txt` |\n';
  expect(rows(text)).toEqual([
    '"test/a.txt" does not run docker run',
    'names "test/b.txt", which does not exist',
    'claims 3 rows and has 2',
  ]);
});
