import { FlagError, type ParsedFlags } from '@gantry/base';
import { isLoopback } from '../client/endpoint.ts';
import { openRegistry, type Registry } from '../server/open-registry.ts';
import { metricsResponse } from '../server/verbs/show-metrics.ts';
import { AccessLog } from './access-log.ts';
import { claimDirectory } from './control.ts';
import { listen } from './listen.ts';
import { type ServeSettings, settleFlags } from './settle-flags.ts';

/** How long answers that are on their way may take after SIGTERM. */
const drainMs = 30_000;

/** `gantry registry serve`: all the wiring; then it waits for a signal and takes everything down in reverse. @throws invalid, conflict */
export async function serve(flags: ParsedFlags): Promise<void> {
  const [extra] = flags.rest;
  if (extra !== undefined) throw new FlagError(`unexpected argument: ${extra}`);
  const settled = settleFlags(flags);
  const stopped = stopSignal();
  await using life = new AsyncDisposableStack();
  const claim = life.use(await claimDirectory(settled.registry.directory));
  const log = life.use(new AccessLog((lines) => process.stderr.write(lines)));
  const registry = life.use(
    openRegistry({
      ...settled.registry,
      log: settled.writesAccessLog ? (served) => log.request(served) : () => undefined,
      reportFault: (error) => log.fault('the registry failed', error),
    }),
  );
  claim.serve(registry);
  if (settled.gcIntervalMs > 0) life.use(collectEvery(registry, settled.gcIntervalMs, log));
  if (settled.metrics !== undefined) {
    const answer = async (): Promise<Response> => metricsResponse(registry.metricsText());
    const metrics = life.use(listen(settled.metrics, { fetch: answer, tls: undefined, drainMs: 0 }));
    log.info('serving metrics', { url: `${metrics.url}/metrics` });
  }
  const listener = life.use(listen(settled.listen, { fetch: registry.fetch, tls: settled.tls, drainMs }));
  const danger = exposure(settled);
  if (danger !== undefined) log.warn(danger, { url: listener.url });
  // The one line on stdout: whoever asked for port 0 reads here what it became.
  process.stdout.write(`${listener.url}\n`);
  log.info('serving', { url: listener.url, data: settled.registry.directory });
  log.info('shutting down', { signal: await stopped });
}

/** What an administrator may not have meant; nothing when only this machine reaches it. */
function exposure({ listen: { hostname }, registry, tls }: ServeSettings): string | undefined {
  if (isLoopback(hostname)) return undefined;
  if (registry.users === undefined) return 'whoever reaches this address may push and delete';
  return tls === undefined
    ? 'passwords travel unencrypted unless something in front of this address encrypts'
    : undefined;
}

function collectEvery(registry: Registry, intervalMs: number, log: AccessLog): Disposable {
  const timer = setInterval(() => {
    registry.collect().then(
      (collected) => log.info('collected garbage', collected),
      (error: unknown) => log.fault('cannot collect garbage', error),
    );
  }, intervalMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** The first signal ends the registry in order; a second one while it does so ends it at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        resolve(signal);
        process.once(signal, () => process.exit(1));
      });
    }
  });
}
