import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { noRegister, registerCount } from './src/plan/arguments.ts';
import { planMagic, planMaxBytes, planVersion } from './src/plan/encode.ts';
import { frameType, shimProtocolVersion } from './src/shim/protocol.ts';
import { type ArgumentType, type VerbName, verbs } from './src/verbs.ts';

const letters: Readonly<Record<ArgumentType, string>> = {
  u32: 'u',
  u64: 'U',
  str: 's',
  strs: 'S',
  bytes: 'b',
  in: 'i',
  'in?': 'j',
  out: 'o',
};

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The text of c/verbs.h: codes, signatures and argument places of every verb, and the numbers of both protocols. */
export function generateHeader(): string {
  const names = Object.keys(verbs).filter((name): name is VerbName => name in verbs);
  const rows = names.map((name) => {
    const { code, half, args } = verbs[name];
    const types: readonly ArgumentType[] = Object.values(args);
    return `\tX(${snake(name)}, ${code}, ${half.toUpperCase()}, "${types.map((type) => letters[type]).join('')}")`;
  });
  const places = names
    .filter((name) => Object.keys(verbs[name].args).length > 0)
    .map(
      (name) =>
        `enum { ${Object.keys(verbs[name].args)
          .map((argument) => `${snake(name)}_${snake(argument)}`)
          .join(', ')} };`,
    );
  const frames = Object.entries(frameType).map(([name, value]) => `\tFRAME_${snake(name).toUpperCase()} = ${value},`);
  return `/* Generated from src/verbs.ts and src/shim/protocol.ts by generate.ts: do not edit. */
#ifndef GANTRY_VERBS_H
#define GANTRY_VERBS_H

#define PLAN_MAGIC 0x${planMagic.toString(16)}u
#define PLAN_VERSION ${planVersion}u
#define PLAN_MAX_BYTES ${planMaxBytes}u
#define PROTOCOL_VERSION ${shimProtocolVersion}
#define REGISTER_COUNT ${registerCount}
#define NO_REGISTER ${noRegister}
#define MAX_ARGUMENTS ${Math.max(...names.map((name) => Object.keys(verbs[name].args).length))}

/* name, wire code, half, argument types: u U numbers, s S texts, b bytes, i j registers read, o assigned */
#define VERBS(X) \\
${rows.join(' \\\n')}

${places.join('\n')}

enum frame_type {
${frames.join('\n')}
};

#endif
`;
}

if (import.meta.main) {
  const directory = join(import.meta.dir, 'c');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'verbs.h'), generateHeader());
}
