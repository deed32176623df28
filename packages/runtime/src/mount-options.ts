/** Bits of mount_setattr and fsmount. Fact: linux/mount.h. */
export const mountAttr = {
  readOnly: 0x1n,
  noSuid: 0x2n,
  noDev: 0x4n,
  noExec: 0x8n,
  accessTime: 0x70n,
  noAccessTime: 0x10n,
  strictAccessTime: 0x20n,
  noDirectoryAccessTime: 0x80n,
  noSymlinkFollow: 0x200000n,
} as const;

/** MS_* of mount(2), for propagation and for the two mounts still made with it. */
export const mountFlag = {
  readOnly: 0x1n,
  bind: 0x1000n,
  recursive: 0x4000n,
  unbindable: 1n << 17n,
  private: 1n << 18n,
  slave: 1n << 19n,
  shared: 1n << 20n,
} as const;

export type MountOptions = {
  readonly attrSet: bigint;
  readonly attrClear: bigint;
  /** Some attribute was given in its recursive form (`rro`): all of them then hold for the mounts below too. */
  readonly recursiveAttrs: boolean;
  readonly bind: boolean;
  readonly recursiveBind: boolean;
  /** MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, or 0 when none was given. */
  readonly propagation: bigint;
  readonly recursivePropagation: boolean;
  readonly remount: boolean;
  readonly tmpCopyUp: boolean;
  readonly idmap: boolean;
  /** What is left is the filesystem's own: `size=64m`, and the superblock flags that fsconfig takes by name. */
  readonly data: readonly string[];
};

type AttributeRow = { readonly set: bigint; readonly clear: bigint };

// Setting one of the access-time attributes means clearing the whole field first: it is a number, not bits.
const attributes: Readonly<Record<string, AttributeRow>> = {
  ro: { set: mountAttr.readOnly, clear: 0n },
  rw: { set: 0n, clear: mountAttr.readOnly },
  nosuid: { set: mountAttr.noSuid, clear: 0n },
  suid: { set: 0n, clear: mountAttr.noSuid },
  nodev: { set: mountAttr.noDev, clear: 0n },
  dev: { set: 0n, clear: mountAttr.noDev },
  noexec: { set: mountAttr.noExec, clear: 0n },
  exec: { set: 0n, clear: mountAttr.noExec },
  noatime: { set: mountAttr.noAccessTime, clear: mountAttr.accessTime },
  atime: { set: 0n, clear: mountAttr.accessTime },
  relatime: { set: 0n, clear: mountAttr.accessTime },
  norelatime: { set: 0n, clear: mountAttr.accessTime },
  strictatime: { set: mountAttr.strictAccessTime, clear: mountAttr.accessTime },
  nostrictatime: { set: 0n, clear: mountAttr.accessTime },
  nodiratime: { set: mountAttr.noDirectoryAccessTime, clear: 0n },
  diratime: { set: 0n, clear: mountAttr.noDirectoryAccessTime },
  nosymfollow: { set: mountAttr.noSymlinkFollow, clear: 0n },
  symfollow: { set: 0n, clear: mountAttr.noSymlinkFollow },
};

const propagations: Readonly<Record<string, bigint>> = {
  private: mountFlag.private,
  shared: mountFlag.shared,
  slave: mountFlag.slave,
  unbindable: mountFlag.unbindable,
};

// Accepted and without effect here: `defaults` is nothing, the others never reach a filesystem through mount(2) either.
const ignored = new Set(['defaults', 'silent', 'loud', 'iversion', 'noiversion', 'nomand']);

/** Reads the option texts of a mount. Later ones win, as with mount(8). Spec: runtime-spec, config.md, "Linux mount options". */
export function parseMountOptions(options: readonly string[]): MountOptions {
  let attrSet = 0n;
  let attrClear = 0n;
  let propagation = 0n;
  const seen = { recursiveAttrs: false, recursivePropagation: false };
  const data: string[] = [];
  for (const option of options) {
    const plain = attributes[option];
    const recursive = plain === undefined && option.startsWith('r') ? attributes[option.slice(1)] : undefined;
    const row = plain ?? recursive;
    const spread = propagations[option] ?? (option.startsWith('r') ? propagations[option.slice(1)] : undefined);
    if (row !== undefined) {
      attrSet = (attrSet & ~row.clear) | row.set;
      attrClear = (attrClear & ~row.set) | row.clear;
      if (recursive !== undefined) seen.recursiveAttrs = true;
    } else if (spread !== undefined) {
      propagation = spread;
      seen.recursivePropagation = propagations[option] === undefined;
    } else if (!structural.has(option) && !ignored.has(option)) {
      data.push(option);
    }
  }
  return { attrSet, attrClear, propagation, ...seen, ...shapeOf(options), data };
}

const structural = new Set(['bind', 'rbind', 'remount', 'tmpcopyup', 'idmap', 'ridmap']);

function shapeOf(options: readonly string[]) {
  return {
    bind: options.includes('bind') || options.includes('rbind'),
    recursiveBind: options.includes('rbind'),
    remount: options.includes('remount'),
    tmpCopyUp: options.includes('tmpcopyup'),
    idmap: options.includes('idmap') || options.includes('ridmap'),
  };
}

/** Every option that is understood, as `features` lists them. */
export const knownMountOptions: readonly string[] = [
  ...Object.keys(attributes).flatMap((name) => [name, `r${name}`]),
  ...Object.keys(propagations).flatMap((name) => [name, `r${name}`]),
  ...ignored,
  'async',
  'bind',
  'dirsync',
  'lazytime',
  'nolazytime',
  'rbind',
  'sync',
].sort();
