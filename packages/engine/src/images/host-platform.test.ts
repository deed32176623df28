import { expect, test } from 'bun:test';
import { levelOf } from './host-platform.ts';

const second = 'cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3';
const third = `${second} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave`;
const fourth = `${third} avx512f avx512bw avx512cd avx512dq avx512vl`;

test('a level of amd64 needs all flags of those below', () => {
  const level = (flags: string): number => levelOf(`processor\t: 0\nflags\t\t: fpu ${flags}\nbugs\t: none\n`);
  expect(['', second, third, fourth, fourth.replace('popcnt ', '')].map(level)).toEqual([1, 2, 3, 4, 1]);
  expect(levelOf('Features : fp asimd')).toBe(1);
});
