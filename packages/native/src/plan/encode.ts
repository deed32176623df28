import { EngineError } from '@gantry/base';
import { type Act, verbs } from '../verbs.ts';
import { type Argument, argumentsOf, noRegister } from './arguments.ts';
import { checkPlan } from './check.ts';
import type { Plan, ShimSpec } from './plan.ts';

/** "GPLN", first in every plan. */
export const planMagic = 0x4e4c5047;
/** The loader takes exactly this version: program and encoder travel in one executable. */
export const planVersion = 2;
/** What the loader takes at most; the longest argv and environment that the kernel takes fit twice. */
export const planMaxBytes = 8 * 2 ** 20;

const logKinds = { none: 0, 'json-file': 1, cri: 2 } as const;

/**
 * Encodes a plan for the native program.
 *
 * Little-endian, nothing aligned, every length explicit: header (magic, version, total length, count of acts of each
 * part), the shim's own part, then the acts; an act is its code (u16), its count of arguments (u16), the length of
 * what follows (u32) and the arguments. A text is its length, its bytes and a NUL that is not counted.
 *
 * @throws internal when the plan breaks a rule of checkPlan: an unsafe plan has no encoding
 */
export function encodePlan(plan: Plan): Uint8Array {
  const problems = checkPlan(plan);
  if (problems.length > 0) throw new EngineError('internal', `cannot encode the plan: ${problems.join('; ')}`);
  const writer = new PlanWriter();
  writer.u32(planMagic);
  writer.u32(planVersion);
  writer.u32(0);
  writer.u32(plan.parent.length);
  writer.u32(plan.beside.length);
  writer.u32(plan.child.length);
  encodeShim(writer, plan.shim);
  for (const act of [...plan.parent, ...plan.beside, ...plan.child]) encodeAct(writer, act);
  writer.patchU32(8, writer.length);
  if (writer.length > planMaxBytes) {
    throw new EngineError('invalid', `cannot start the process: its plan takes ${writer.length} bytes`, {
      hint: 'shorten the arguments or the environment',
    });
  }
  return writer.bytes();
}

function encodeShim(writer: PlanWriter, shim: ShimSpec): void {
  const log = shim.log.kind === 'none' ? { path: '', maxSizeBytes: 0, maxFiles: 0 } : shim.log;
  writer.text(shim.taskDir);
  writer.text(shim.exitRecord);
  writer.u32(logKinds[shim.log.kind]);
  writer.text(log.path);
  writer.u64(BigInt(Math.max(0, log.maxSizeBytes)));
  writer.u32(Math.max(0, log.maxFiles));
  writer.u32((shim.terminal ? 1 : 0) | (shim.openStdin ? 2 : 0) | (shim.stdinOnce ? 4 : 0));
  writer.text(shim.oomFile);
  writer.text(shim.killProcsFile);
}

function encodeAct(writer: PlanWriter, act: Act): void {
  const args = argumentsOf(act);
  writer.u16(verbs[act.verb].code);
  writer.u16(args.length);
  const lengthAt = writer.length;
  writer.u32(0);
  for (const argument of args) encodeArgument(writer, argument);
  writer.patchU32(lengthAt, writer.length - lengthAt - 4);
}

function encodeArgument(writer: PlanWriter, argument: Argument): void {
  switch (argument.type) {
    case 'u32':
    case 'in':
    case 'out':
      writer.u32(argument.value);
      break;
    case 'in?':
      writer.u32(argument.value ?? noRegister);
      break;
    case 'u64':
      writer.u64(argument.value);
      break;
    case 'str':
      writer.text(argument.value);
      break;
    case 'bytes':
      writer.blob(argument.value);
      break;
    case 'strs':
      writer.u32(argument.value.length);
      for (const text of argument.value) writer.text(text);
  }
}

const encoder = new TextEncoder();

class PlanWriter {
  #area = new Uint8Array(16384);
  #view = new DataView(this.#area.buffer);
  length = 0;

  u16(value: number): void {
    this.#view.setUint16(this.#take(2), value, true);
  }

  u32(value: number): void {
    this.#view.setUint32(this.#take(4), value, true);
  }

  u64(value: bigint): void {
    this.#view.setBigUint64(this.#take(8), value, true);
  }

  blob(value: Uint8Array): void {
    this.u32(value.length);
    this.#area.set(value, this.#take(value.length));
  }

  text(value: string): void {
    const lengthAt = this.#take(4);
    const start = this.#take(value.length * 3 + 1);
    const { written } = encoder.encodeInto(value, this.#area.subarray(start));
    this.patchU32(lengthAt, written);
    this.#area[start + written] = 0;
    this.length = start + written + 1;
  }

  patchU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  bytes(): Uint8Array {
    return this.#area.slice(0, this.length);
  }

  #take(sizeBytes: number): number {
    const at = this.length;
    this.length += sizeBytes;
    if (this.length > this.#area.length) {
      const grown = new Uint8Array(2 * this.length);
      grown.set(this.#area);
      this.#area = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}
