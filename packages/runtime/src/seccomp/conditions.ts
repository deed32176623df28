import { EngineError } from '@gantry/base';
import type { SeccompArgument } from '@gantry/oci';
import { bpf, branch, type Label, type Line, mark, newLabel, plain } from './bpf.ts';

/** Where struct seccomp_data holds the low half of an argument. Fact: linux/seccomp.h. */
const firstArgument = 16;
const argumentSize = 8;
const argumentCount = 6;

const word = (value: bigint): number => Number(value & 0xffff_ffffn);
const high = (value: bigint): number => word(value >> 32n);

/** JSON numbers above 2^53 are inexact, and 2^64-1 is read as 2^64: what is too large means all ones. */
export function argumentValue(value: number | undefined): bigint {
  const whole = BigInt(value ?? 0);
  return whole > 0xffff_ffff_ffff_ffffn ? 0xffff_ffff_ffff_ffffn : BigInt.asUintN(64, whole);
}

/**
 * Lines that fall through when the condition holds and go to `fail` when not. A BPF word has 32 bits, so the upper half
 * decides first and the lower one only when the upper halves are equal.
 *
 * @throws invalid
 */
export function conditionLines(condition: SeccompArgument, fail: Label): Line[] {
  const { index, op } = condition;
  if (!Number.isInteger(index) || index < 0 || index >= argumentCount) {
    throw new EngineError('invalid', `cannot compile seccomp rule: there is no argument ${index}`);
  }
  const value = argumentValue(condition.value);
  const low = plain(bpf.loadWord, firstArgument + index * argumentSize);
  const upper = plain(bpf.loadWord, firstArgument + index * argumentSize + 4);
  const pass = newLabel();
  switch (op) {
    case 'SCMP_CMP_EQ':
      return [upper, equals(high(value), fail), low, equals(word(value), fail)];
    case 'SCMP_CMP_NE':
      return [
        upper,
        branch(bpf.jumpEqual, high(value), { no: pass }),
        low,
        branch(bpf.jumpEqual, word(value), { yes: fail }),
        mark(pass),
      ];
    case 'SCMP_CMP_MASKED_EQ': {
      const wanted = argumentValue(condition.valueTwo);
      return [
        ...maskedHalf(upper, high(value), { wanted: high(wanted), fail }),
        ...maskedHalf(low, word(value), { wanted: word(wanted), fail }),
      ];
    }
    case 'SCMP_CMP_GT':
    case 'SCMP_CMP_GE':
      return [
        upper,
        branch(bpf.jumpGreater, high(value), { yes: pass }),
        equals(high(value), fail),
        low,
        branch(op === 'SCMP_CMP_GT' ? bpf.jumpGreater : bpf.jumpGreaterOrEqual, word(value), { no: fail }),
        mark(pass),
      ];
    case 'SCMP_CMP_LT':
    case 'SCMP_CMP_LE':
      return [
        upper,
        branch(bpf.jumpGreater, high(value), { yes: fail }),
        branch(bpf.jumpEqual, high(value), { no: pass }),
        low,
        branch(op === 'SCMP_CMP_LE' ? bpf.jumpGreater : bpf.jumpGreaterOrEqual, word(value), { yes: fail }),
        mark(pass),
      ];
    default:
      throw new EngineError('invalid', `cannot compile seccomp rule: unknown comparison "${op}"`);
  }
}

const equals = (value: number, fail: Label): Line => branch(bpf.jumpEqual, value, { no: fail });

function maskedHalf(load: Line, mask: number, test: { wanted: number; fail: Label }): Line[] {
  if (mask === 0 && test.wanted === 0) return [];
  return [load, plain(bpf.and, mask), equals(test.wanted, test.fail)];
}
