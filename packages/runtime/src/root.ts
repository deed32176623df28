import { EngineError } from '@gantry/base';
import type { Act } from '@gantry/native';
import type { RootSource } from './context.ts';
import { mountFlag } from './mount-options.ts';

const propagationText: Readonly<Record<string, bigint>> = {
  private: mountFlag.private,
  rprivate: mountFlag.private | mountFlag.recursive,
  slave: mountFlag.slave,
  rslave: mountFlag.slave | mountFlag.recursive,
  shared: mountFlag.shared,
  rshared: mountFlag.shared | mountFlag.recursive,
  unbindable: mountFlag.unbindable,
  runbindable: mountFlag.unbindable | mountFlag.recursive,
};

/** MS_* of `linux.rootfsPropagation`; 0 when absent: the root is private already. @throws invalid */
export function rootPropagation(text: string | undefined): bigint {
  if (!text) return 0n;
  const flags = propagationText[text];
  if (flags === undefined) {
    throw new EngineError('invalid', `cannot use rootfs propagation "${text}": no such propagation`);
  }
  return flags;
}

/** A root without an upper directory takes no writes; where it is a plain bind of a layer, that has to be said. */
export function isReadOnlyRoot(root: RootSource): boolean {
  return root.kind === 'overlay' && root.upper === undefined;
}

/** Puts the root filesystem in place in the child's own mount namespace, and opens it as the register `reg`. */
export function planRoot(root: RootSource, reg: number): Act[] {
  if (root.kind === 'path') return [bindOnto(root.path, root.path), { verb: 'root', path: root.path, reg }];
  return [overlayAct(root), { verb: 'root', path: root.target, reg }];
}

/** pivot_root wants a mount point, so a plain directory is bound onto itself. */
function bindOnto(source: string, target: string): Act {
  const flags = mountFlag.bind | mountFlag.recursive;
  return { verb: 'mountHost', cwd: '/', source, target, fstype: '', flags, data: '' };
}

function overlayAct(root: RootSource & { kind: 'overlay' }): Act {
  const { cwd, lower, upper, work, target } = root;
  const [only] = lower;
  // An overlay needs a lower directory below an upper one, and two of them without: what is less is a plain bind.
  if (only === undefined && upper !== undefined) return bindOnto(`${cwd}/${upper}`, target);
  if (only === undefined) throw new EngineError('invalid', 'cannot mount a root filesystem without any directory');
  if (upper === undefined && lower.length === 1) return bindOnto(`${cwd}/${only}`, target);
  const options = [`lowerdir=${lower.map(escapeLower).join(':')}`];
  if (upper !== undefined) options.push(`upperdir=${escapeOption(upper)}`, `workdir=${escapeOption(work ?? '')}`);
  // Without redirects and metacopies the upper directory alone tells what a container changed, whatever the host's
  // defaults are: that is what a diff reads.
  options.push('redirect_dir=off', 'metacopy=off', 'index=off');
  if (root.volatile === true) options.push('volatile');
  return { verb: 'mountHost', cwd, source: 'overlay', target, fstype: 'overlay', flags: 0n, data: options.join(',') };
}

const escapeOption = (path: string): string => path.replace(/[\\,]/g, '\\$&');
const escapeLower = (path: string): string => path.replace(/[\\,:]/g, '\\$&');
