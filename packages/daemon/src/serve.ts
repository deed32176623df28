import { maxApiVersion } from '@gantry/api';
import { EngineError } from '@gantry/base';
import manifest from '../package.json' with { type: 'json' };
import type { DaemonConfig } from './config/config.ts';
import type { Settings } from './config/reload.ts';
import { type Address, formatAddress } from './http/address.ts';
import { dispatch } from './http/dispatch.ts';
import { type Listener, openListener } from './http/listen.ts';
import type { ServeDeps } from './http/serve-connection.ts';
import { createTurnstile } from './http/turnstile.ts';
import { collectWhenIdle } from './idle-memory.ts';
import { type Log, openLog } from './log.ts';
import { createRequests } from './metrics/requests.ts';
import { openServed } from './open-served.ts';
import { reload } from './reload.ts';
import { hearSignal, stopSignal } from './signals.ts';
import { openNotifier, type PassedSocket, passedSockets } from './supervisor.ts';
import { giveWay } from './takeover/give.ts';
import { linger } from './takeover/linger.ts';
import { connectTo, openMeetingPlace } from './takeover/meeting-place.ts';
import { openOwnDoors } from './takeover/own-doors.ts';
import { createSuccession } from './takeover/succession.ts';
import { takeOver } from './takeover/take.ts';

/** How a daemon was started. */
export type Start = {
  readonly config: DaemonConfig;
  /** Settles the same command line with the file as it is now. */
  readonly readAgain: () => DaemonConfig;
  /** Takes the place of the daemon that runs on these roots. */
  readonly takesOver: boolean;
  /** Starts this program again, as it is on the disk now, to take over from this process. */
  readonly startSuccessor: () => void;
  /** Of the process: what a supervisor told it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/** All the wiring: engine and doors; then it waits for the signal to stop and takes everything down in reverse. */
export async function serve({ config, readAgain, takesOver, startSuccessor, environment }: Start): Promise<void> {
  const stopped = stopSignal();
  const [hangup, renewal] = [hearSignal('SIGHUP'), hearSignal('SIGUSR2')];
  // A full disk or a reader that is gone costs lines of the log, and not the daemon.
  process.stderr.on('error', () => undefined);
  const settings: Settings = { config };
  const log = openSettingsLog(settings);
  using notifier = openNotifier(environment, { takesOver });
  const passed = passedSockets(environment, process.pid);
  await using life = new AsyncDisposableStack();
  const place = life.use(openMeetingPlace(config.execRoot));
  using taken = takesOver ? await takeOver(place.takeover, log) : undefined;

  const [requests, turnstile] = [createRequests(() => performance.now()), createTurnstile()];
  const succession = createSuccession(place.api, () => new Date());
  const open = (): ReturnType<typeof openServed> => openServed({ settings, log, requests, succession });
  let served = await open();
  life.defer(() => served[Symbol.asyncDispose]());
  const touch = collectWhenIdle();
  const answer: ServeDeps['answer'] = (request) => {
    touch();
    served.touch();
    return dispatch(served.handlers, request, requests.took);
  };
  const deps: ServeDeps = { answer, common: commonHeaders, log, requests, turnstile };
  const gaveWay = Promise.withResolvers<string>();
  const listeners: Listener[] = [];
  const own = life.use(
    await openOwnDoors(place, deps, async (channel) => {
      const gave = await giveWay(
        {
          ...{ requests, turnstile, listeners, log },
          release: async () => {
            await succession.prepare(served.engine);
            await served[Symbol.asyncDispose]();
            succession.begin();
          },
          resume: async () => {
            served = await open();
            await own.reopen();
            await succession.move();
          },
          move: () => succession.move(),
        },
        channel,
      );
      if (gave) gaveWay.resolve('takeover');
    }),
  );
  for (const listener of await openListeners(deps, config, inheritedBy(config, passed, taken?.listeners)))
    listeners.push(life.use(listener));
  await taken?.ready();
  for (const listener of listeners) {
    await listener.accept();
    if (listener.serves === apiTitle && listener.address.startsWith('tcp:'))
      log.warn('whoever reaches this address is root on this machine', { address: listener.address });
    log.info(listener.serves, { address: listener.address });
  }
  hangup.each(() => {
    notifier.reloading();
    reload({ settings, readAgain, engine: served.engine, log });
    notifier.ready();
  });
  renewal.each(() => {
    log.info('Got signal to start a successor');
    startSuccessor();
  });
  const sinceStartMs = Math.round(performance.now());
  log.info('daemon has completed initialization', { version: manifest.version, pid: process.pid, sinceStartMs });
  notifier.ready();
  const why = await Promise.race([stopped, gaveWay.promise]);
  if (why === 'takeover') {
    turnstile.moveTo(() => connectTo(place.api));
    own.give();
    notifier[Symbol.dispose]();
    log.info('another daemon took over; streams that are open go on here');
    await Promise.race([stopped, linger(turnstile, [...listeners, ...own.listeners])]);
    return;
  }
  notifier.stopping();
  log.info('daemon is shutting down; containers keep running', { signal: why });
  endAfter(settings.config.shutdownTimeoutSeconds, log);
}

/** As dockerd's log has it. */
const apiTitle = 'API listen';

function openSettingsLog(settings: Settings): Log {
  return openLog({
    level: () => settings.config.logLevel,
    format: settings.config.logFormat,
    write: (line) => process.stderr.write(line),
    now: () => new Date(),
  });
}

/** Sockets that are there before they are asked for, by the names that listeners have. */
function inheritedBy(
  { hosts }: DaemonConfig,
  passed: readonly PassedSocket[],
  taken: ReadonlyMap<string, number> = new Map(),
): ReadonlyMap<string, number> {
  const named = passed.map(({ name, fd }) => [`${apiTitle} ${formatAddress({ kind: 'fd', name })}`, fd] as const);
  return hosts.some(({ kind }) => kind === 'fd') ? new Map([...named, ...taken]) : taken;
}

/** `fd://` is every socket that was passed. */
function eachPassed(host: Address, inherited: ReadonlyMap<string, number>): readonly Address[] {
  if (host.kind !== 'fd' || host.name !== '*') return [host];
  const prefix = `${apiTitle} fd://`;
  const names = [...inherited.keys()].filter((name) => name.startsWith(prefix));
  return names.length === 0 ? [host] : names.map((name) => ({ kind: 'fd', name: name.slice(prefix.length) }));
}

/** The doors for the world. Those that another daemon had are the same sockets still. */
async function openListeners(
  deps: ServeDeps,
  config: DaemonConfig,
  inherited: ReadonlyMap<string, number>,
): Promise<readonly Listener[]> {
  const { group, metricsAddress } = config;
  const answerMetrics: ServeDeps['answer'] = (request) => {
    if (request.head.path !== '/metrics') throw new EngineError('not-found', 'page not found');
    return deps.answer(request);
  };
  await using undo = new AsyncDisposableStack();
  const listeners: Listener[] = [];
  for (const address of config.hosts.flatMap((host) => eachPassed(host, inherited))) {
    listeners.push(undo.use(await openListener(deps, address, { group, serves: apiTitle, inherited })));
  }
  if (metricsAddress !== undefined) {
    const metricsDeps = { ...deps, answer: answerMetrics };
    listeners.push(
      undo.use(await openListener(metricsDeps, metricsAddress, { group, serves: 'metrics API listening', inherited })),
    );
  }
  undo.move();
  return listeners;
}
/** What hangs must not keep a daemon from ending: nothing of what exists depends on an orderly end. */
function endAfter(seconds: number, log: Log): void {
  if (seconds < 0) return;
  setTimeout(() => {
    log.warn('the daemon ends with work undone: the shutdown timeout is over', { seconds });
    process.exit(1);
  }, seconds * 1000).unref();
}

const commonHeaders = {
  'Api-Version': maxApiVersion,
  'Docker-Experimental': 'false',
  Ostype: 'linux',
  Server: `Gantry/${manifest.version} (linux)`,
};
