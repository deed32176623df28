import { expect, test } from 'bun:test';
import { parseImports } from './import-statements.ts';
import { checkRooms } from './rooms.ts';
import { checkSizes, countCodeLines } from './sizes.ts';

const rulesFor = (path: string, text: string): string[] => checkRooms([{ path, text }]).map((finding) => finding.rule);

test('imports are found in every form that our code has', () => {
  const text = [
    "import './side-effect.ts';",
    "import type { A } from './a.ts';",
    "import { type B, type C } from './b.ts';",
    "import {\n  d,\n  type E,\n} from './d.ts';",
    "export * from './f.ts';",
    "const g = await import('./g.ts');",
    "type H = import('./h.ts').H;",
  ].join('\n');
  expect(parseImports(text).map(({ specifier, typeOnly }) => [specifier, typeOnly])).toEqual([
    ['./side-effect.ts', false],
    ['./a.ts', true],
    ['./b.ts', true],
    ['./d.ts', false],
    ['./f.ts', false],
    ['./g.ts', false],
    ['./h.ts', true],
  ]);
});

test.each([
  ['the engine never imports the API', 'packages/engine/src/tasks/x.ts', "import { a } from '@gantry/api';"],
  ['the CLI never imports the engine', 'packages/cli/src/x.ts', "import type { a } from '@gantry/engine';"],
  [
    'a package is entered through its index',
    'packages/engine/src/x.ts',
    "import { a } from '@gantry/base/src/ids.ts';",
  ],
  ['a relative path stays in its package', 'packages/cli/src/x.ts', "import { a } from '../../api/src/index.ts';"],
  ['a pure package names no Node', 'packages/oci/src/x.ts', "import { a } from 'node:fs';"],
  ['FFI stays in its folder', 'packages/net/src/x.ts', "import { dlopen } from 'bun:ffi';"],
  ['SQLite stays in its room', 'packages/engine/src/jobs/x.ts', "import { Database } from 'bun:sqlite';"],
  ['a room looks left only', 'packages/engine/src/images/x.ts', "import { a } from '../containers/index.ts';"],
  ['a room is entered through its index', 'packages/engine/src/tasks/x.ts', "import { a } from '../db/tables.ts';"],
  [
    'nouns cross borders as types only',
    'packages/engine/src/events/x.ts',
    "import { a } from '../containers/types.ts';",
  ],
  ['foreign code needs an ADR', 'packages/base/src/x.ts', "import { a } from 'left-pad';"],
])('%s', (_fact, path, text) => {
  expect(rulesFor(path, text)).toHaveLength(1);
});

test.each([
  ['a room to the left, by its index', 'packages/engine/src/tasks/x.ts', "import { a } from '../db/index.ts';"],
  ['nouns of any room as types', 'packages/engine/src/images/x.ts', "import type { A } from '../containers/types.ts';"],
  ['the engine wires its rooms', 'packages/engine/src/open.ts', "import { a } from './containers/index.ts';"],
  ['files of the same room', 'packages/engine/src/db/x.ts', "import { a } from './y.ts';"],
])('allowed: %s', (_fact, path, text) => {
  expect(rulesFor(path, text)).toEqual([]);
});

test('comments and blank lines cost nothing', () => {
  expect(countCodeLines('/** why\n * and why\n */\n\n// note\nconst a = 1; // kept\n')).toBe(1);
});

test('a C function over the limit is found', () => {
  const body = Array.from({ length: 60 }, (_, index) => `  a(${index});`).join('\n');
  const text = `static int long_one(void)\n{\n${body}\n}\n`;
  expect(checkSizes([{ path: 'packages/native/c/x.c', text }])).toHaveLength(1);
});
