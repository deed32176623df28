import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../tools/repository.ts';
import { runCommand } from '../harness/command.ts';
import { type ClientName, gantryProgram } from '../harness/engine.ts';
import { type ClientsEngine, openClientsEngine } from './clients-engine.ts';
import { type Entry, formatPrinted, formatTranscript, parseTranscript, withoutHints } from './transcript.ts';

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
      // Its own name is the one word in which ours may differ.
      const named =
        client === 'gantry'
          ? settled
              .replace(/\bgantry\b/gi, 'docker')
              .replace('the docker daemon at', 'the Docker daemon at')
              .replace('to the docker daemon', 'to the Docker daemon')
          : settled;
      entries.push({ ...entry, printed: withoutHints(named, entry.printed) });
    }
    return formatTranscript(entries);
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** Leaves what differs beside the build, so that `diff` shows it with the commands around. */
function expectRepeated(
  client: ClientName,
  name: string,
  { replayed, recorded }: { replayed: string; recorded: string },
): void {
  if (replayed !== recorded) {
    const seen = join(repositoryRoot, 'dist/transcripts');
    mkdirSync(seen, { recursive: true });
    writeFileSync(join(seen, `${client}-${name}`), replayed);
  }
  expect(replayed).toBe(recorded);
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
        else expectRepeated(client, name, { replayed, recorded: text });
      }, 180_000);
    }
  });
}
