import { EngineError } from '@gantry/base';
import type { Act } from '@gantry/native';
import type { HostFacts } from './facts.ts';
import type { Registers } from './registers.ts';

type Labels = { readonly apparmorProfile?: string; readonly selinuxLabel?: string };

/** The label takes hold at the exec. Opened early, since nothing below /proc may be opened after pivot_root. */
export function labelActs(
  labels: Labels,
  facts: HostFacts,
  registers: Registers,
): { readonly open: readonly Act[]; readonly write: readonly Act[] } {
  const { apparmorProfile, selinuxLabel } = labels;
  const open: Act[] = [];
  const write: Act[] = [];
  const add = (path: string, label: string): void => {
    const reg = registers.next();
    open.push({ verb: 'open', path, flags: 1, reg });
    write.push({ verb: 'execLabel', reg, label });
  };
  if (apparmorProfile) {
    if (!facts.apparmor) {
      throw new EngineError(
        'unsupported',
        `cannot use AppArmor profile "${apparmorProfile}": the host has no AppArmor`,
      );
    }
    add('/proc/thread-self/attr/apparmor/exec', `exec ${apparmorProfile}`);
  }
  if (selinuxLabel) {
    if (!facts.selinux) {
      throw new EngineError('unsupported', `cannot use SELinux label "${selinuxLabel}": the host has no SELinux`);
    }
    add('/proc/thread-self/attr/exec', selinuxLabel);
  }
  return { open, write };
}
