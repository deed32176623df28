import { expect, test } from 'bun:test';
import { mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureTree, removeTree } from '@gantry/layer';
import { close, mkdirat, open, openat2, openFlag } from '@gantry/native';

const asDirectory = openFlag.readOnly | openFlag.directory;
/** Deeper than paths, stacks and the usual limit of descriptors. */
const depth = 20_000;

test('a tree deeper than any path can say is measured', async () => {
  const path = mkdtempSync(join(tmpdir(), 'gantry-deep-'));
  const root = open(path, asDirectory);
  using cleanUp = new DisposableStack();
  cleanUp.defer(() => rmdirSync(path));
  cleanUp.defer(() => close(root));
  cleanUp.defer(() => removeTree(root, 'd'));
  let at = openat2(root, '.', { flags: asDirectory });
  for (let level = 0; level < depth; level++) {
    mkdirat(at, 'd', 0o755);
    const child = openat2(at, 'd', { flags: asDirectory });
    close(at);
    at = child;
  }
  writeFileSync(`/proc/self/fd/${at}/file`, 'at the bottom');
  close(at);
  writeFileSync(join(path, 'd/file'), 'on top');
  expect(await measureTree(path)).toBe('at the bottom'.length + 'on top'.length);
}, 60_000);
