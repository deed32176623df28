/** Runs a seccomp filter the way the kernel does, so that tests can ask it about any call. Test code only. */
export type Call = { readonly architecture: number; readonly number: number; readonly args: readonly bigint[] };

/** @throws Error when the program does what the kernel's checker refuses */
export function runFilter(program: Uint8Array, call: Call): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const count = program.byteLength / 8;
  let accumulator = 0;
  for (let at = 0; at < count; ) {
    const code = view.getUint16(at * 8, true);
    const jump = { yes: view.getUint8(at * 8 + 2), no: view.getUint8(at * 8 + 3) };
    const k = view.getUint32(at * 8 + 4, true);
    at++;
    switch (code) {
      case 0x20:
        accumulator = word(call, k);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05:
        at += k;
        break;
      case 0x15:
        at += accumulator === k ? jump.yes : jump.no;
        break;
      case 0x25:
        at += accumulator > k ? jump.yes : jump.no;
        break;
      case 0x35:
        at += accumulator >= k ? jump.yes : jump.no;
        break;
      case 0x06:
        return k;
      default:
        throw new Error(`instruction ${at - 1}: code ${code}`);
    }
  }
  throw new Error('the program runs past its end');
}

function word(call: Call, offset: number): number {
  if (offset === 0) return call.number >>> 0;
  if (offset === 4) return call.architecture >>> 0;
  if (offset < 16 || offset > 60 || offset % 4 !== 0) throw new Error(`load at ${offset}`);
  const argument = call.args[Math.floor((offset - 16) / 8)] ?? 0n;
  return Number(offset % 8 === 0 ? argument & 0xffff_ffffn : argument >> 32n);
}

/** How many instructions a call runs through: what a filter costs. */
export function countSteps(program: Uint8Array, call: Call): number {
  let steps = 0;
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let accumulator = 0;
  for (let at = 0; ; steps++) {
    const code = view.getUint16(at * 8, true);
    const k = view.getUint32(at * 8 + 4, true);
    const taken = code === 0x15 ? accumulator === k : code === 0x25 ? accumulator > k : accumulator >= k;
    if (code === 0x06) return steps + 1;
    if (code === 0x20) accumulator = word(call, k);
    if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    at += 1 + (code === 0x05 ? k : code === 0x20 || code === 0x54 ? 0 : view.getUint8(at * 8 + (taken ? 2 : 3)));
  }
}
