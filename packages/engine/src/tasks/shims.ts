import { closeSync, writeSync } from 'node:fs';
import { isErrno } from '@gantry/base';
import { cloneBits, close, encodePlan, type Plan, sealedMemfd } from '@gantry/native';

/** The daemon's ends of a shim's connections: the first control connection, and one for each stream handed over. */
export type ShimEnds = { readonly control: number; readonly handed: readonly number[] };

/**
 * Where shims come from. One of them stands ready before its plan is known: it was executed, has let go of everything,
 * has made its child in the namespaces that the last container had, and reads; so that a start pays for none of that.
 *
 * One life: `give` a plan to a shim and own its ends, then `makeReady`, again and again; disposing ends the one that
 * waits. When the daemon dies, what that one reads from ends, and it ends too.
 */
export type Shims = Disposable & {
  /** @param handed how many streams the shim shall meet as connections that are there before it begins */
  give(plan: Plan, handed: number): ShimEnds;
  /** Has a shim ready for the next plan, if one can be made. To be called when there is nothing to do but wait. */
  makeReady(): void;
};

/** What every waiting shim has: one stream for the client that `run` attaches; who has none closes it. */
const waitingHanded = 1;
/** What surely fits into a socket that nobody reads yet. */
const longestWrittenPlan = 65536;

type Waiting = ShimEnds & { readonly plan: number };

/** @param program a path that executes the native program */
export function openShims(program: string): Shims {
  let waiting: Waiting | undefined;
  let lastFlags = 0n;
  const makeReady = (): void => {
    try {
      waiting ??= spawnWaiting(program, lastFlags);
    } catch {
      // No descriptors or processes are left just now. Nobody waits for this one: the next plan gets a shim of its own, or
      // the reason why there is none.
    }
  };
  const takeReady = (plan: Uint8Array, handed: number): ShimEnds | undefined => {
    if (waiting === undefined || handed > waitingHanded || plan.length > longestWrittenPlan) return undefined;
    const shim = waiting;
    waiting = undefined;
    return hand(shim, plan, handed);
  };
  return {
    give: (plan, handed) => {
      const encoded = encodePlan(plan);
      const ends = takeReady(encoded, handed) ?? spawnWith(program, encoded, handed);
      lastFlags = aheadFlags(plan) ?? lastFlags;
      return ends;
    },
    makeReady,
    [Symbol.dispose]: () => {
      if (waiting !== undefined) closeAll([waiting.plan, waiting.control, ...waiting.handed]);
      waiting = undefined;
    },
  };
}

const aheadNamespaces = BigInt(cloneBits.CLONE_NEWNS | cloneBits.CLONE_NEWPID);

/**
 * In which namespaces a child for such a plan can be made before the plan is known; undefined: in none. Not when it shall
 * start in a cgroup that is not there yet, and not as an exec, whose namespaces are another's.
 */
function aheadFlags({ parent }: Plan): bigint | undefined {
  const clone = parent.at(-1);
  if (clone?.verb !== 'clone' || clone.cgroup !== undefined) return undefined;
  return (clone.flags & aheadNamespaces) === aheadNamespaces ? clone.flags : undefined;
}

/** @returns undefined when the shim has died while it waited */
function hand(shim: Waiting, plan: Uint8Array, handed: number): ShimEnds | undefined {
  try {
    writeSync(shim.plan, plan);
  } catch (error) {
    closeAll([shim.plan, shim.control, ...shim.handed]);
    if (isErrno(error, 'EPIPE')) return undefined;
    throw error;
  }
  closeAll([shim.plan, ...shim.handed.slice(handed)]);
  return { control: shim.control, handed: shim.handed.slice(0, handed) };
}

function closeAll(descriptors: readonly number[]): void {
  for (const fd of descriptors) closeSync(fd);
}

function spawnWaiting(program: string, flags: bigint): Waiting {
  const words = [String(waitingHanded), ...(flags === 0n ? [] : [String(flags)])];
  const [plan = -1, control = -1, ...handed] = spawn([program, ...words], 'pipe', waitingHanded);
  return { plan, control, handed };
}

function spawnWith(program: string, plan: Uint8Array, handed: number): ShimEnds {
  const fd = sealedMemfd('gantry-plan', plan);
  try {
    const [control = -1, ...rest] = spawn([program, String(handed)], fd, handed);
    return { control, handed: rest };
  } finally {
    close(fd);
  }
}

/** @returns our ends, in the order of the shim's descriptors: of its plan when that is a pipe, of control, of streams */
function spawn(argv: string[], plan: number | 'pipe', handed: number): number[] {
  const child = Bun.spawn(argv, {
    argv0: 'gantry-shim',
    cwd: '/',
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', plan, 'pipe', ...Array<'pipe'>(handed).fill('pipe')],
  });
  child.unref();
  return child.stdio.slice(plan === 'pipe' ? 3 : 4).map((end) => {
    if (typeof end !== 'number') throw new Error('unreachable: a pipe without a descriptor');
    return end;
  });
}
