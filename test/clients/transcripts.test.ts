import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../harness/command.ts';
import { type ClientName, gantryProgram } from '../harness/engine.ts';
import { type ClientsEngine, openClientsEngine } from './clients-engine.ts';
import { type Entry, formatPrinted, formatTranscript, parseTranscript } from './transcript.ts';

const directory = join(import.meta.dirname, 'transcripts');
let engine: ClientsEngine;

beforeAll(async () => {
  engine = await openClientsEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

/** In a transcript `docker` is whichever client is under test, and `fetch` gets a URL from where ports are published. */
function preamble(client: ClientName): string {
  const program = client === 'docker' ? 'command docker' : `'${gantryProgram}'`;
  return `docker() { ${program} "$@"; }\nfetch() { ${engine.fetchCommand} "$@"; }\n`;
}

async function replay(client: ClientName, text: string): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'gantry-transcript-'));
  try {
    const entries: Entry[] = [];
    for (const entry of parseTranscript(text)) {
      if (entry.kind === 'note') {
        entries.push(entry);
        continue;
      }
      const script = `cd '${work}'\n${preamble(client)}${entry.command}`;
      const printed = await runCommand(['bash', '-c', script], { environment: engine.environment, timeoutMs: 30_000 });
      const settled = formatPrinted(printed);
      entries.push({ ...entry, printed: client === 'gantry' ? settled.replace(/\bgantry\b/g, 'docker') : settled });
    }
    return formatTranscript(entries);
  } finally {
    rmSync(work, { recursive: true });
  }
}

for (const client of ['docker', 'gantry'] as const) {
  describe(client, () => {
    for (const name of readdirSync(directory).sort()) {
      const path = join(directory, name);
      const text = readFileSync(path, 'utf8');
      test(`${client} repeats ${name} as recorded from Docker Engine`, async () => {
        if (engine.isPeer && client === 'gantry') return;
        const replayed = await replay(client, text);
        if (engine.isPeer && process.env.GOLDEN === 'update') writeFileSync(path, replayed);
        else expect(replayed).toBe(text);
      }, 180_000);
    }
  });
}
