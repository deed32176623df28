import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { EngineError, messageOf } from '@gantry/base';
import { parseFields } from '@gantry/oci';
import type { Collected, CollectOptions } from '../server/collect-garbage.ts';
import type { Registry } from '../server/open-registry.ts';
import { layoutOf } from '../server/store/layout.ts';

const answerTimeoutMs = 5000;

/** A directory that this process alone serves. */
export type Claim = AsyncDisposable & { serve(registry: Registry): void };

/**
 * Takes a registry's directory for this process, by listening on a socket in it, on which `gantry registry gc` finds
 * who serves.
 *
 * @throws conflict when another process has it
 */
export async function claimDirectory(directory: string): Promise<Claim> {
  mkdirSync(directory, { recursive: true });
  const path = layoutOf(directory).controlSocket;
  if (await isServed(path)) {
    throw new EngineError('conflict', `cannot serve "${directory}": another registry serves it`, {
      hint: 'stop that one, or give this one its own --data',
    });
  }
  // What a registry that was killed left behind.
  rmSync(path, { force: true });
  let served: Registry | undefined;
  const server = bindControl(path, async (request) => {
    if (new URL(request.url).pathname !== '/collect' || served === undefined) return Response.json({});
    try {
      return Response.json(await served.collect(parseCollectOptions(await request.text())));
    } catch (error) {
      return Response.json({ error: messageOf(error) }, { status: 500 });
    }
  });
  chmodSync(path, 0o600);
  return {
    serve: (registry) => {
      served = registry;
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop(true);
      rmSync(path, { force: true });
    },
  };
}

function bindControl(path: string, answer: (request: Request) => Promise<Response>): Bun.Server<undefined> {
  try {
    return Bun.serve({
      unix: path,
      development: false,
      fetch: (request, control) => {
        // A collection of a large store takes longer than any idle time.
        control.timeout(request, 0);
        return answer(request);
      },
    });
  } catch (error) {
    throw new EngineError('unavailable', `cannot listen on "${path}": ${messageOf(error)}`, { cause: error });
  }
}

async function isServed(path: string): Promise<boolean> {
  try {
    await fetch('http://registry/', { unix: path, signal: AbortSignal.timeout(answerTimeoutMs) });
    return true;
  } catch (error) {
    // Someone is there, however slow; else there is no socket, or nobody behind it.
    return error instanceof Error && error.name === 'TimeoutError';
  }
}

/** Has the registry that serves a directory collect. @returns undefined when none serves it */
export async function askToCollect(
  directory: string,
  options: Partial<CollectOptions>,
): Promise<Collected | undefined> {
  const path = layoutOf(directory).controlSocket;
  if (!(await isServed(path))) return undefined;
  const response = await fetch('http://registry/collect', {
    unix: path,
    method: 'POST',
    body: JSON.stringify(options),
  });
  const fields = parseFields(await response.text(), 'answer of the registry');
  if (!response.ok) throw new EngineError('unavailable', fields.text('error'));
  return {
    manifests: fields.integer('manifests'),
    links: fields.integer('links'),
    blobs: fields.integer('blobs'),
    freedBytes: fields.integer('freedBytes'),
    uploads: fields.integer('uploads'),
  };
}

/** What the command decides; the rest is as the registry was started. */
function parseCollectOptions(text: string): Partial<CollectOptions> {
  const fields = parseFields(text, 'request to collect');
  return {
    graceMs: fields.integer('graceMs'),
    uploadExpiryMs: fields.integer('uploadExpiryMs'),
    untagged: fields.flag('untagged'),
  };
}
