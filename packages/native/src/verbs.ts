/**
 * The verbs of a plan: one row each, and the only place where a verb is added. The C header and the encoder are
 * generated from this table, so the two cannot drift.
 *
 * A plan is three flat lists: `parent` runs in the shim before the child begins, `child` runs in the new process, and
 * `beside` in the shim meanwhile. A verb does one
 * thing; there are no jumps, no arithmetic and no conditions. A verb that fails ends the plan, and the reply names it
 * with its errno. File descriptors travel in **registers**: numbered slots, assigned once, owned by the half that made
 * them and inherited by the child; every one is close-on-exec.
 *
 * Argument types:
 * - `u32`, `u64`: little-endian numbers;
 * - `str`: UTF-8 without NUL; `bytes`: any; `strs`: a list of `str`;
 * - `in`: a register read; `out`: a register assigned; `in?`: a register read, or 255 for none.
 *
 * Paths are of two kinds and never mixed. A *host path* is absolute, comes from the daemon and is resolved in the
 * host's tree before pivot_root. An *inside path* is resolved with openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
 * below a root register and is created when missing (its type follows what is mounted on it).
 */
export type ArgumentType = 'u32' | 'u64' | 'str' | 'strs' | 'bytes' | 'in' | 'in?' | 'out';
export type Half = 'parent' | 'child' | 'both';

export type VerbRow = {
  /** Wire number. Never reused: shims outlive the daemon that wrote their plan. */
  readonly code: number;
  readonly half: Half;
  readonly args: Readonly<Record<string, ArgumentType>>;
};

const verb = <const A extends Readonly<Record<string, ArgumentType>>>(code: number, half: Half, args: A) => ({
  code,
  half,
  args,
});

export const verbs = {
  // --- Files and descriptors of the host -------------------------------------------------------
  /** Opens a host path (O_CLOEXEC is added). */
  open: verb(1, 'both', { path: 'str', flags: 'u32', reg: 'out' }),
  /** Writes all bytes to a host path, O_WRONLY without O_CREAT: cgroup and sysctl files. */
  writeFile: verb(2, 'both', { path: 'str', data: 'bytes' }),
  /** Makes one cgroup directory and its missing parents; the shim removes the leaf when its task has ended. */
  cgroupMake: verb(3, 'parent', { path: 'str', mode: 'u32' }),
  /** A netlink socket of `family`, in the caller's network namespace at that moment. */
  netlinkSocket: verb(4, 'both', { family: 'u32', reg: 'out' }),
  /** Sends ready-made netlink messages and reads one acknowledgement for each message that asks for one. At each
   * offset of `patchOffsets` (little-endian u32 array) the descriptor number of `patchReg` is written first. */
  netlink: verb(5, 'both', { socket: 'in', messages: 'bytes', patchOffsets: 'bytes', patchReg: 'in?' }),

  // --- Namespaces and cgroups ------------------------------------------------------------------
  /** What clone3 gets: CLONE_NEW* flags, and on cgroup v2 the cgroup directory to start in. Exactly once, last in `parent`. */
  clone: verb(10, 'parent', { flags: 'u64', cgroup: 'in?' }),
  /** setns on a namespace file or pidfd. In the parent only for the PID namespace that children shall land in. */
  setns: verb(11, 'both', { reg: 'in', flags: 'u32' }),
  /** unshare in the child: the cgroup namespace, after its cgroups are joined. */
  unshare: verb(12, 'child', { flags: 'u32' }),
  /** cgroup v1: writes "0" to a `tasks` file, which moves the single-threaded child without the global lock. */
  cgroupJoin: verb(13, 'child', { path: 'str' }),
  hostname: verb(14, 'child', { name: 'str' }),
  domainname: verb(15, 'child', { name: 'str' }),
  /** A pidfd of a running process, checked by its start time so that a reused PID is never joined. */
  pidfdOpen: verb(16, 'parent', { pid: 'u32', startTicks: 'u64', reg: 'out' }),
  /** cgroup v2: loads an eBPF program of type CGROUP_DEVICE and attaches it (BPF_F_ALLOW_MULTI) to an open cgroup directory. */
  bpfDevices: verb(17, 'parent', { cgroup: 'in', program: 'bytes' }),

  // --- The root filesystem ---------------------------------------------------------------------
  /** mount(NULL, path, NULL, flags, NULL): propagation of the child's copy of the host tree. */
  propagation: verb(20, 'child', { path: 'str', flags: 'u64' }),
  /** chdir(cwd), then mount(2) on a host path: the overlay, whose options name directories relative to cwd to stay short. */
  mountHost: verb(21, 'child', { cwd: 'str', source: 'str', target: 'str', fstype: 'str', flags: 'u64', data: 'str' }),
  /** Opens the directory that becomes `/`, as the register that inside paths are resolved below. */
  root: verb(22, 'child', { path: 'str', reg: 'out' }),
  /** fsopen, fsconfig for each `key` or `key=value`, fsmount with MOUNT_ATTR_*, attached at an inside path. */
  mountFs: verb(23, 'child', {
    root: 'in',
    target: 'str',
    fstype: 'str',
    source: 'str',
    attrs: 'u64',
    options: 'strs',
  }),
  /** A detached copy of a host path (open_tree), attributes set recursively or not, attached at an inside path.
   * `propagation` is MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE or 0. `subpath` is resolved in `source` as root.
   * `recursive` has bits: 1 copies the mounts below too, 2 sets the attributes on them, 4 sets the propagation on them. */
  mountBind: verb(24, 'child', {
    root: 'in',
    source: 'str',
    subpath: 'str',
    target: 'str',
    recursive: 'u32',
    attrSet: 'u64',
    attrClear: 'u64',
    propagation: 'u64',
  }),
  /** Copies the tree that the image has at an inside path into an empty host directory: first use of a named volume. */
  copyUp: verb(25, 'child', { root: 'in', source: 'str', hostTarget: 'str' }),
  /** Covers an inside path, when it exists: a file with /dev/null (checked to be c 1:3), a directory with an empty read-only tmpfs. */
  maskPath: verb(26, 'child', { root: 'in', path: 'str' }),
  /** Makes an inside path read-only by a bind onto itself, when it exists. */
  readonlyPath: verb(27, 'child', { root: 'in', path: 'str' }),
  mknod: verb(28, 'child', {
    root: 'in',
    path: 'str',
    mode: 'u32',
    major: 'u32',
    minor: 'u32',
    uid: 'u32',
    gid: 'u32',
  }),
  symlink: verb(29, 'child', { root: 'in', path: 'str', target: 'str' }),
  mkdir: verb(30, 'child', { root: 'in', path: 'str', mode: 'u32', uid: 'u32', gid: 'u32' }),
  /** Writes a sysctl below the container's own /proc/sys, after checking that it is procfs. */
  sysctl: verb(31, 'child', { root: 'in', key: 'str', value: 'str' }),
  /** Opens the container's devpts, makes the terminal the child's stdio and controlling one, binds it on /dev/console,
   * and sends the master to the shim. `bind` 0: /dev/console is left alone (an exec in a running container). */
  console: verb(32, 'child', { root: 'in', rows: 'u32', columns: 'u32', bind: 'u32' }),
  pivotRoot: verb(33, 'child', { root: 'in' }),
  /** mount_setattr on `/` after pivot_root: read-only root, propagation of the root. */
  rootAttrs: verb(34, 'child', { attrSet: 'u64', propagation: 'u64' }),
  /** The first half of mountBind: a detached copy (open_tree) of a host path. Done before `propagation` cuts the host's
   * tree off, so that a shared or slave bind keeps its peers; attached later by attachTree. */
  openTree: verb(35, 'child', { source: 'str', subpath: 'str', recursive: 'u32', reg: 'out' }),
  /** The second half: attributes and propagation set on the detached tree, attached at an inside path. */
  attachTree: verb(36, 'child', {
    tree: 'in',
    root: 'in',
    target: 'str',
    recursive: 'u32',
    attrSet: 'u64',
    attrClear: 'u64',
    propagation: 'u64',
  }),
  /** mount_setattr on the mount at an inside path: a tmpfs becomes read-only after what lies on it was mounted. */
  mountAttrs: verb(37, 'child', { root: 'in', target: 'str', attrSet: 'u64', attrClear: 'u64' }),

  // --- The process -----------------------------------------------------------------------------
  setsid: verb(40, 'child', {}),
  oomScoreAdj: verb(41, 'child', { value: 'str' }),
  rlimit: verb(42, 'child', { resource: 'u32', soft: 'u64', hard: 'u64' }),
  umask: verb(43, 'child', { mask: 'u32' }),
  personality: verb(44, 'child', { persona: 'u64' }),
  /** Joins a fresh session keyring of that name. */
  keyring: verb(45, 'child', { name: 'str' }),
  ioPriority: verb(46, 'child', { value: 'u32' }),
  scheduler: verb(47, 'child', { attributes: 'bytes' }),
  affinity: verb(48, 'child', { mask: 'bytes' }),
  /** Writes an AppArmor or SELinux label for the next exec, through a descriptor of /proc/thread-self/attr opened before pivot_root. */
  execLabel: verb(49, 'child', { reg: 'in', label: 'str' }),
  /** The bounding set is cut before the user changes. */
  boundingSet: verb(50, 'child', { mask: 'u64' }),
  /** Numeric user and groups: setgroups, setresgid, setresuid; KEEPCAPS held across the change. */
  user: verb(51, 'child', { uid: 'u32', gid: 'u32', groups: 'bytes' }),
  /** Docker's USER text (`name`, `uid`, `name:group`, …) and group-adds, looked up in the container's own /etc/passwd and
   * /etc/group, read with a cap; also sets HOME in the environment when it has none. */
  userLookup: verb(52, 'child', { spec: 'str', groups: 'strs' }),
  capabilities: verb(53, 'child', { effective: 'u64', permitted: 'u64', inheritable: 'u64', ambient: 'u64' }),
  noNewPrivileges: verb(54, 'child', {}),
  /** A cBPF program, loaded with seccomp(2) and these SECCOMP_FILTER_FLAG_*. */
  seccomp: verb(55, 'child', { program: 'bytes', flags: 'u32' }),
  /** Creates the working directory when missing (as Docker does), changes into it and checks that it is inside the root. */
  chdir: verb(56, 'child', { path: 'str', create: 'u32' }),
  /** Waits until the shim has done what it does beside. Exactly once: also when that is nothing. */
  awaitBeside: verb(59, 'child', {}),
  /** Tells the shim that everything is ready and waits for START. */
  ready: verb(57, 'child', {}),
  /** The command: `argv[0]` is searched in the PATH of `env` when it has no slash. Exactly once, last in `child`. */
  exec: verb(58, 'child', { argv: 'strs', env: 'strs' }),
} as const satisfies Readonly<Record<string, VerbRow>>;

export type VerbName = keyof typeof verbs;

type ArgumentValue = {
  u32: number;
  u64: bigint;
  str: string;
  strs: readonly string[];
  bytes: Uint8Array;
  in: number;
  'in?': number | undefined;
  out: number;
};

/** One act of a plan, as a tagged value: `{ verb: 'hostname', name: 'web' }`. */
export type Act = {
  [V in VerbName]: { readonly verb: V } & {
    readonly [A in keyof (typeof verbs)[V]['args']]: ArgumentValue[(typeof verbs)[V]['args'][A] & ArgumentType];
  };
}[VerbName];
