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

/** A place in a program. The assembler notes there how far from the end it lies. */
export type Label = { fromEnd: number };

export const newLabel = (): Label => ({ fromEnd: -1 });

/** One line of a program before offsets are known; a branch without a label goes on with the next instruction. */
export type Line = {
  readonly code: number;
  readonly k: number;
  readonly yes: Label | undefined;
  readonly no: Label | undefined;
  /** Set: no instruction, but this place. */
  readonly mark: Label | undefined;
};

export const plain = (code: number, k: number): Line => ({ code, k, yes: undefined, no: undefined, mark: undefined });
export const mark = (label: Label): Line => ({ code: 0, k: 0, yes: undefined, no: undefined, mark: label });
export const branch = (code: number, k: number, to: { yes?: Label; no?: Label }): Line => ({
  code,
  k,
  yes: to.yes,
  no: to.no,
  mark: undefined,
});

const farthest = 255;
const instructionBytes = 8;

/**
 * Gives lines their offsets.
 *
 * All jumps go forward, so the program is laid out from its end: every label's distance is known when a branch to it
 * comes up. A branch reaches 255 instructions; one that must go farther goes to a `ja` placed right behind it.
 *
 * @returns struct sock_filter[], eight bytes each, little-endian
 */
export function assemble(lines: readonly Line[]): Uint8Array {
  const writer = new BackwardWriter(lines.length);
  for (let at = lines.length - 1; at >= 0; at--) {
    const line = lines[at];
    if (line === undefined) continue;
    if (line.mark !== undefined) line.mark.fromEnd = writer.count;
    else if (line.yes === undefined && line.no === undefined) writer.put(line.code, line.k);
    else putBranch(writer, line);
  }
  if (writer.count > maxInstructions) throw new Error(`unreachable: a filter of ${writer.count} instructions`);
  return writer.bytes();
}

function putBranch(writer: BackwardWriter, line: Line): void {
  const next = writer.count;
  // Room for two hops is kept, so that the second one cannot push the first out of reach.
  const noHop = isFar(writer, line.no) ? putHop(writer, line.no) : undefined;
  const yesHop = isFar(writer, line.yes) ? putHop(writer, line.yes) : undefined;
  const yes = writer.count - (yesHop ?? line.yes?.fromEnd ?? next);
  const no = writer.count - (noHop ?? line.no?.fromEnd ?? next);
  writer.put(line.code | (yes << 16) | (no << 24), line.k);
}

const isFar = (writer: BackwardWriter, label: Label | undefined): boolean =>
  label !== undefined && distance(writer, label) > farthest - 2;

/** @returns where the hop lies, from the end */
function putHop(writer: BackwardWriter, label: Label | undefined): number {
  writer.put(bpf.jumpAlways, label === undefined ? 0 : distance(writer, label));
  return writer.count;
}

function distance(writer: BackwardWriter, label: Label): number {
  if (label.fromEnd < 0) throw new Error('unreachable: a jump back');
  return writer.count - label.fromEnd;
}

/** Fills a program from its end: each instruction is two words, code with both jumps and operand. */
class BackwardWriter {
  count = 0;
  readonly #words: Uint32Array;

  constructor(lines: number) {
    this.#words = new Uint32Array(lines * 6);
  }

  put(codeAndJumps: number, k: number): void {
    this.count++;
    const at = this.#words.length - this.count * 2;
    this.#words[at] = codeAndJumps;
    this.#words[at + 1] = k;
  }

  bytes(): Uint8Array {
    // Both architectures built for are little-endian, as their sock_filter is.
    return new Uint8Array(
      this.#words.slice(this.#words.length - this.count * 2).buffer,
      0,
      this.count * instructionBytes,
    );
  }
}
