import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './repository.ts';
import type { Finding } from './rooms.ts';

/** A committed file and the module whose export prints what it should hold. */
type GeneratedFile = { readonly path: string; readonly module: string; readonly exportName: string };

const generatedFiles: readonly GeneratedFile[] = [
  { path: 'packages/native/c/verbs.h', module: 'packages/native/generate.ts', exportName: 'generateHeader' },
];

/** Compares each generated file with what its source would generate now. */
export async function checkGenerated(): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { path, module, exportName } of generatedFiles) {
    const source: Record<string, unknown> = await import(join(repositoryRoot, module));
    const generate = source[exportName];
    if (typeof generate !== 'function') throw new Error(`unreachable: ${module} exports no function ${exportName}`);
    const file = join(repositoryRoot, path);
    if (existsSync(file) && readFileSync(file, 'utf8') === generate()) continue;
    findings.push({ path, line: 1, rule: `is not what ${module} generates now: run npm run build` });
  }
  return findings;
}
