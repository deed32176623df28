/** Classic BPF as seccomp runs it. Fact: linux/filter.h, linux/bpf_common.h. */
export const bpf = {
  loadWord: 0x20,
  and: 0x54,
  jumpAlways: 0x05,
  jumpEqual: 0x15,
  jumpGreater: 0x25,
  jumpGreaterOrEqual: 0x35,
  return: 0x06,
} as const;

/** The kernel refuses longer programs. Fact: linux/bpf_common.h, BPF_MAXINSNS. */
export const maxInstructions = 4096;

/** A place in a program, compared by identity. */
export type Label = { readonly name: string };

/** One line of a program before offsets are known; a branch without a label goes on with the next instruction. */
export type Line =
  | { readonly kind: 'label'; readonly label: Label }
  | { readonly kind: 'plain'; readonly code: number; readonly k: number }
  | { readonly kind: 'branch'; readonly code: number; readonly k: number; readonly yes?: Label; readonly no?: Label };

type Instruction = { readonly code: number; readonly jt: number; readonly jf: number; readonly k: number };

const farthest = 255;

/**
 * Gives lines their offsets.
 *
 * All jumps go forward, so the program is laid out from its end: every label's distance is known when a branch to it
 * comes up. A branch reaches 255 instructions; one that must go farther goes to a `ja` placed right behind it.
 *
 * @returns struct sock_filter[], eight bytes each, little-endian
 */
export function assemble(lines: readonly Line[]): Uint8Array {
  const reversed: Instruction[] = [];
  const positions = new Map<Label, number>();
  const distance = (label: Label): number => {
    const position = positions.get(label);
    if (position === undefined) throw new Error(`unreachable: jump back to ${label.name}`);
    return reversed.length - position;
  };
  for (const line of lines.toReversed()) {
    if (line.kind === 'label') positions.set(line.label, reversed.length);
    else if (line.kind === 'plain') reversed.push({ code: line.code, jt: 0, jf: 0, k: line.k });
    else layBranch(reversed, line, distance);
  }
  if (reversed.length > maxInstructions) throw new Error(`unreachable: a filter of ${reversed.length} instructions`);
  return encode(reversed.toReversed());
}

function layBranch(reversed: Instruction[], line: Line & { kind: 'branch' }, distance: (label: Label) => number): void {
  const { yes, no } = line;
  // Room for two hops is kept, so that the second one cannot push the first out of reach.
  const far = (label: Label | undefined): label is Label => label !== undefined && distance(label) > farthest - 2;
  const before = reversed.length;
  const hop = (label: Label): number => {
    reversed.push({ code: bpf.jumpAlways, jt: 0, jf: 0, k: distance(label) });
    return reversed.length;
  };
  const noHop = far(no) ? hop(no) : undefined;
  const yesHop = far(yes) ? hop(yes) : undefined;
  const offset = (label: Label | undefined, hopAt: number | undefined): number => {
    if (hopAt !== undefined) return reversed.length - hopAt;
    return label === undefined ? reversed.length - before : distance(label);
  };
  reversed.push({ code: line.code, jt: offset(yes, yesHop), jf: offset(no, noHop), k: line.k });
}

function encode(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  instructions.forEach(({ code, jt, jf, k }, index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k >>> 0, true);
  });
  return bytes;
}

export const plain = (code: number, k: number): Line => ({ kind: 'plain', code, k });
export const mark = (label: Label): Line => ({ kind: 'label', label });
export const branch = (code: number, k: number, to: { yes?: Label; no?: Label }): Line => ({
  kind: 'branch',
  code,
  k,
  ...to,
});
