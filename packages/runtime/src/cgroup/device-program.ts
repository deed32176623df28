import type { DeviceException, DevicePolicy } from './device-rules.ts';

// Opcodes of eBPF. Fact: linux/bpf.h and linux/bpf_common.h.
const op = {
  loadWord: 0x61,
  andImmediate32: 0x54,
  shiftRightImmediate32: 0x74,
  moveRegister32: 0xbc,
  moveImmediate: 0xb7,
  jumpUnlessEqual: 0x55,
  jumpUnlessEqualRegister: 0x5d,
  jumpIfEqual: 0x15,
  exit: 0x95,
} as const;

type Instruction = { code: number; dst?: number; src?: number; offset?: number; immediate?: number };

const allAccess = 7;
const typeNumber = { b: 1, c: 2 } as const;

/**
 * Compiles a policy to an eBPF program of type CGROUP_DEVICE, which is how cgroup v2 restricts devices.
 *
 * The kernel hands it (access << 16 | type, major, minor) and takes 1 for "let it". An exception to "deny" must grant
 * every access asked for; an exception to "allow" hits when it names any of them.
 *
 * Spec: linux/bpf.h, struct bpf_cgroup_dev_ctx. @returns instructions of eight bytes, little-endian
 */
export function compileDeviceProgram(policy: DevicePolicy): Uint8Array {
  const instructions: Instruction[] = [
    { code: op.loadWord, dst: 2, src: 1, offset: 0 },
    { code: op.moveRegister32, dst: 3, src: 2 },
    { code: op.andImmediate32, dst: 2, immediate: 0xffff },
    { code: op.shiftRightImmediate32, dst: 3, immediate: 16 },
    { code: op.loadWord, dst: 4, src: 1, offset: 4 },
    { code: op.loadWord, dst: 5, src: 1, offset: 8 },
  ];
  for (const exception of policy.exceptions) instructions.push(...exceptionBlock(exception, policy.allowByDefault));
  instructions.push({ code: op.moveImmediate, dst: 0, immediate: policy.allowByDefault ? 1 : 0 }, { code: op.exit });
  return encode(instructions);
}

function exceptionBlock(exception: DeviceException, allowByDefault: boolean): Instruction[] {
  const { type, major, minor, access } = exception;
  const tests: Instruction[] = [{ code: op.jumpUnlessEqual, dst: 2, immediate: typeNumber[type] }];
  if (access !== allAccess) {
    tests.push({ code: op.moveRegister32, dst: 1, src: 3 }, { code: op.andImmediate32, dst: 1, immediate: access });
    tests.push(
      allowByDefault
        ? { code: op.jumpIfEqual, dst: 1, immediate: 0 }
        : { code: op.jumpUnlessEqualRegister, dst: 1, src: 3 },
    );
  }
  if (major !== undefined) tests.push({ code: op.jumpUnlessEqual, dst: 4, immediate: major });
  if (minor !== undefined) tests.push({ code: op.jumpUnlessEqual, dst: 5, immediate: minor });
  const block: Instruction[] = [
    ...tests,
    { code: op.moveImmediate, dst: 0, immediate: allowByDefault ? 0 : 1 },
    { code: op.exit },
  ];
  // Every jump leaves the block: offsets count from the instruction after the jump.
  return block.map((one, index) => (isJump(one) ? { ...one, offset: block.length - index - 1 } : one));
}

const isJump = ({ code }: Instruction): boolean =>
  code === op.jumpUnlessEqual || code === op.jumpUnlessEqualRegister || code === op.jumpIfEqual;

function encode(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  instructions.forEach(({ code, dst = 0, src = 0, offset = 0, immediate = 0 }, index) => {
    view.setUint8(index * 8, code);
    view.setUint8(index * 8 + 1, (src << 4) | dst);
    view.setInt16(index * 8 + 2, offset, true);
    view.setInt32(index * 8 + 4, immediate, true);
  });
  return bytes;
}
