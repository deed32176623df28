import { type Act, type ArgumentType, type Half, type VerbName, verbs } from '../verbs.ts';
import type { Plan } from './plan.ts';
import { cloneBits } from './symbols.ts';

/**
 * Says what is wrong with a plan; an empty list means that it may run.
 *
 * The native program holds no policy, so every rule about order is here: nothing that protects the host may be left
 * out, come after the fact, or stand where a failure would be skipped. Pure, and run before every encoding.
 */
export function checkPlan(plan: Plan): string[] {
  const parent = plan.parent.map((act, index): Step => ({ part: 'parent', index, act }));
  const beside = plan.beside.map((act, index): Step => ({ part: 'beside', index, act }));
  const child = plan.child.map((act, index): Step => ({ part: 'child', index, act }));
  const childPlaces = placesOf(plan.child);
  return [
    ...checkHalves([...parent, ...beside, ...child]),
    ...checkRegisters([...parent, ...beside]),
    ...checkRegisters([...parent, ...child]),
    ...checkEnds(plan, placesOf(plan.parent), childPlaces),
    ...checkMounts(plan),
    ...checkSysctls(child),
    ...checkPhases(child),
    ...checkPrecedence(childPlaces),
    ...checkBeside(plan),
  ];
}

type Step = { readonly part: 'parent' | 'beside' | 'child'; readonly index: number; readonly act: Act };

const where = (step: Step): string => `${step.part} ${step.index} ${step.act.verb}`;

function checkHalves(steps: readonly Step[]): string[] {
  const halfOf = ({ part }: Step): Half => (part === 'child' ? 'child' : 'parent');
  return steps
    .filter((step) => verbs[step.act.verb].half !== halfOf(step) && verbs[step.act.verb].half !== 'both')
    .map((step) => `${where(step)}: not a verb of this half`);
}

type RegisterArgument = { readonly name: string; readonly type: 'in' | 'in?' | 'out' };

const isRegister = (type: ArgumentType): type is RegisterArgument['type'] =>
  type === 'in' || type === 'in?' || type === 'out';

/** The registers that each verb reads and assigns, in the order of its row. */
const registersOf = new Map<string, readonly RegisterArgument[]>(
  Object.entries(verbs).map(([verb, { args }]) => {
    const row: readonly (readonly [string, ArgumentType])[] = Object.entries(args);
    return [verb, row.flatMap(([name, type]) => (isRegister(type) ? [{ name, type }] : []))];
  }),
);

/** Registers are assigned once and read after that; what inside paths hang on came from the `root` verb. */
function checkRegisters(steps: readonly Step[]): string[] {
  const problems: string[] = [];
  const writers = new Map<unknown, VerbName>();
  for (const step of steps) {
    const values: Readonly<Record<string, unknown>> = step.act;
    for (const { name, type } of registersOf.get(step.act.verb) ?? []) {
      const register = values[name];
      if (register === undefined) continue;
      const writer = writers.get(register);
      if (type === 'out') {
        if (writer !== undefined) problems.push(`${where(step)}: %${register} is assigned twice`);
        writers.set(register, step.act.verb);
      } else if (writer === undefined) {
        problems.push(`${where(step)}: %${register} is read before it is assigned`);
      } else if (name === 'root' && writer !== 'root') {
        problems.push(`${where(step)}: %${register} is not a root`);
      }
    }
  }
  return problems;
}

/** The kernel has no list of what belongs to a namespace: a key that climbs would pass for one that does. */
function checkSysctls(child: readonly Step[]): string[] {
  return child
    .filter(({ act }) => act.verb === 'sysctl' && !/^[\w-]+([./:][\w:-]+)*$/.test(act.key))
    .map((step) => `${where(step)}: not a plain key`);
}

/** Where each verb stands first, and how often it stands at all. */
type Places = ReadonlyMap<VerbName, { readonly first: number; readonly count: number }>;

function placesOf(acts: readonly Act[]): Places {
  const places = new Map<VerbName, { first: number; count: number }>();
  acts.forEach(({ verb }, index) => {
    const place = places.get(verb);
    if (place === undefined) places.set(verb, { first: index, count: 1 });
    else place.count++;
  });
  return places;
}

function checkEnds(plan: Plan, parent: Places, child: Places): string[] {
  const problems: string[] = [];
  const once = (places: Places, verb: VerbName): void => {
    const count = places.get(verb)?.count ?? 0;
    if (count !== 1) problems.push(`${verb} stands ${count} times, not once`);
  };
  once(parent, 'clone');
  for (const verb of ['awaitBeside', 'ready', 'exec', 'chdir', 'boundingSet', 'capabilities'] as const)
    once(child, verb);
  const users = (child.get('user')?.count ?? 0) + (child.get('userLookup')?.count ?? 0);
  if (users !== 1) problems.push(`the user is set ${users} times, not once`);
  if (plan.parent.at(-1)?.verb !== 'clone') problems.push('clone is not last in parent');
  if (plan.child.at(-1)?.verb !== 'exec') problems.push('exec is not last in child');
  return problems;
}

const mountVerbs: ReadonlySet<VerbName> = new Set([
  'mountHost',
  'mountFs',
  'mountBind',
  'attachTree',
  'mountAttrs',
  'copyUp',
  'maskPath',
  'readonlyPath',
  'pivotRoot',
  'rootAttrs',
]);

/** A process that shares the host's mount namespace must not touch it; one with its own must leave the host's tree. */
function checkMounts(plan: Plan): string[] {
  const problems: string[] = [];
  const clone = plan.parent.at(-1);
  const ownMounts = clone?.verb === 'clone' && (clone.flags & BigInt(cloneBits.CLONE_NEWNS)) !== 0n;
  const mounting = plan.child.findIndex((act) => mountVerbs.has(act.verb));
  const count = (verb: VerbName): number => plan.child.filter((act) => act.verb === verb).length;
  if (!ownMounts) {
    if (mounting >= 0)
      problems.push(`child ${mounting} ${plan.child[mounting]?.verb}: without a mount namespace of its own`);
    return problems;
  }
  if (count('pivotRoot') !== 1) problems.push(`pivotRoot stands ${count('pivotRoot')} times, not once`);
  const propagation = plan.child.findIndex((act) => act.verb === 'propagation' && act.path === '/');
  if (propagation < 0 || propagation > mounting) problems.push('mounts before the propagation of "/" is cut');
  return problems;
}

/** Ends a phase of the child's acts, and says what may still come (`only`) or never comes again (`never`). */
type PhaseRule = {
  readonly after: readonly Phase[];
  readonly why: string;
  readonly only?: readonly VerbName[];
  readonly never?: readonly VerbName[];
};

/** A verb that has run, or the moment from which the process sees somebody else's file tree. */
type Phase = VerbName | 'joined-mounts';

const hostPathVerbs: readonly VerbName[] = [
  'open',
  'writeFile',
  'oomScoreAdj',
  'propagation',
  'mountHost',
  'mountBind',
  'openTree',
  'copyUp',
  'cgroupJoin',
];

const phaseRules: readonly PhaseRule[] = [
  {
    after: ['pivotRoot'],
    why: "after pivotRoot, where the tree is the image's and nothing below /proc is opened",
    never: [
      ...hostPathVerbs,
      'root',
      'mountFs',
      'attachTree',
      'mountAttrs',
      'maskPath',
      'readonlyPath',
      'mknod',
      'symlink',
      'mkdir',
      'sysctl',
      'console',
    ],
  },
  { after: ['joined-mounts'], why: "after the container's mount namespace was joined", never: hostPathVerbs },
  {
    after: ['maskPath', 'readonlyPath'],
    why: 'after a path was covered, which it could uncover',
    never: ['mountHost', 'mountFs', 'mountBind', 'attachTree', 'copyUp'],
  },
  {
    after: ['user', 'userLookup'],
    why: 'after the user was changed',
    only: ['umask', 'execLabel', 'capabilities', 'noNewPrivileges', 'seccomp', 'chdir', 'ready', 'exec'],
  },
  {
    after: ['seccomp'],
    why: 'after seccomp, whose policy may refuse it',
    only: ['user', 'userLookup', 'capabilities', 'boundingSet', 'umask', 'chdir', 'ready', 'exec'],
  },
  { after: ['ready'], why: 'after ready', only: ['capabilities', 'noNewPrivileges', 'seccomp', 'exec'] },
  { after: ['unshare'], why: 'after the cgroup namespace was made, which shows it', never: ['cgroupJoin'] },
];

/** Which rules come into force behind a verb. */
const rulesAfter = new Map<Phase, readonly PhaseRule[]>(
  phaseRules
    .flatMap(({ after }) => after)
    .map((phase) => [phase, phaseRules.filter(({ after }) => after.includes(phase))]),
);

/** What a process opens to come back from another mount namespace. */
export const ownMountNamespace = '/proc/self/ns/mnt';

const entersMounts = (act: Act | undefined): act is Extract<Act, { verb: 'setns' }> =>
  act?.verb === 'setns' && (act.flags & cloneBits.CLONE_NEWNS) !== 0;

/** Places of those that enter another mount namespace, copy one tree there and are home again with the next act. */
function visitsOf(child: readonly Step[]): ReadonlySet<number> {
  const homes = new Set(
    child.flatMap(({ act }) => (act.verb === 'open' && act.path === ownMountNamespace ? [act.reg] : [])),
  );
  return new Set(
    child.flatMap(({ act }, at) => {
      const back = child[at + 2]?.act;
      const isVisit = entersMounts(act) && child[at + 1]?.act.verb === 'openTree' && entersMounts(back);
      return isVisit && homes.has(back.reg) ? [at, at + 2] : [];
    }),
  );
}

function checkPhases(child: readonly Step[]): string[] {
  const visits = visitsOf(child);
  const inForce = new Set<PhaseRule>();
  const problems: string[] = [];
  const pass = (phase: Phase): void => {
    for (const rule of rulesAfter.get(phase) ?? []) inForce.add(rule);
  };
  for (const step of child) {
    const { act } = step;
    for (const { only, never, why } of inForce) {
      if (only?.includes(act.verb) === false || never?.includes(act.verb) === true) {
        problems.push(`${where(step)}: ${why}`);
      }
    }
    pass(act.verb);
    if (entersMounts(act) && !visits.has(step.index)) pass('joined-mounts');
  }
  return problems;
}

/** Each verb of a pair needs the other one before it, where the plan has the other one at all. */
const precedence: readonly (readonly [VerbName, VerbName])[] = [
  ['boundingSet', 'user'],
  ['boundingSet', 'userLookup'],
  ['user', 'capabilities'],
  ['userLookup', 'capabilities'],
  ['pivotRoot', 'chdir'],
  ['pivotRoot', 'rootAttrs'],
  ['pivotRoot', 'boundingSet'],
  ['setsid', 'console'],
  // What is made beside: cgroups, and what shows them.
  ['awaitBeside', 'cgroupJoin'],
  ['awaitBeside', 'unshare'],
  ['awaitBeside', 'pivotRoot'],
];

/** Who begins meanwhile has been cloned: nothing beside can change how. */
function checkBeside({ beside }: Plan): string[] {
  return beside.some(({ verb }) => verb === 'clone' || verb === 'setns') ? ['the child is made or led beside'] : [];
}

function checkPrecedence(child: Places): string[] {
  const place = (verb: VerbName): number => child.get(verb)?.first ?? -1;
  const problems = precedence
    .filter(([first, second]) => place(second) >= 0 && place(first) > place(second))
    .map(([first, second]) => `${second} stands before ${first}`);
  // Loading a filter takes CAP_SYS_ADMIN or no-new-privileges; too late with neither, and no filter would be loaded.
  const seccomp = place('seccomp');
  const dropped = Math.max(place('user'), place('userLookup'), place('capabilities'));
  const locked = place('noNewPrivileges');
  if (seccomp > dropped && dropped >= 0 && (locked < 0 || locked > seccomp)) {
    problems.push('seccomp stands after the privileges were dropped, without noNewPrivileges before it');
  }
  return problems;
}
