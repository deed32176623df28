import type { Act, VerbName } from '../verbs.ts';
import { type Argument, argumentsOf } from './arguments.ts';
import type { Plan, ShimSpec } from './plan.ts';
import * as symbols from './symbols.ts';

/**
 * Prints a plan as text: one act a line, flags by name, registers as `%n`. The same plan gives the same text, so plans
 * are compared and reviewed as text. Not meant to be read back.
 */
export function formatPlan(plan: Plan): string {
  const lines = [
    'shim',
    ...formatShim(plan.shim),
    'parent',
    ...plan.parent.map(formatAct),
    'beside',
    ...plan.beside.map(formatAct),
  ];
  return `${[...lines, 'child', ...plan.child.map(formatAct)].join('\n')}\n`;
}

function formatShim(shim: ShimSpec): string[] {
  const { log } = shim;
  const logText =
    log.kind === 'none'
      ? 'none'
      : `${log.kind} ${quote(log.path)} max-size=${log.maxSizeBytes} max-files=${log.maxFiles}`;
  const stdio = [shim.terminal && 'terminal', shim.openStdin && 'stdin', shim.stdinOnce && 'stdin-once'];
  return [
    `  task-dir ${quote(shim.taskDir)}`,
    `  exit-record ${quote(shim.exitRecord)}`,
    `  log ${logText}`,
    `  stdio ${stdio.filter((word) => word !== false).join(' ') || 'output'}`,
    `  oom-file ${quote(shim.oomFile)}`,
    `  kill-procs ${quote(shim.killProcsFile)}`,
  ];
}

/** One act as one line, as failures and debug output show it. */
export function formatAct(act: Act): string {
  const args = argumentsOf(act);
  const out = args.find((argument) => argument.type === 'out');
  const rest = args
    .filter((argument) => argument !== out)
    .map((argument) => ` ${argument.name}=${formatArgument(act.verb, argument)}`);
  return `  ${out === undefined ? '' : `%${out.value} = `}${act.verb}${rest.join('')}`;
}

function formatArgument(verb: VerbName, argument: Argument): string {
  switch (argument.type) {
    case 'in':
    case 'out':
      return `%${argument.value}`;
    case 'in?':
      return argument.value === undefined ? 'none' : `%${argument.value}`;
    case 'str':
      return quote(argument.value);
    case 'strs':
      return `[${argument.value.map(quote).join(' ')}]`;
    case 'bytes':
      return formatBytes(verb, argument.name, argument.value);
    case 'u32':
    case 'u64':
      return formatNumber(verb, argument.name, BigInt(argument.value));
  }
}

/** Words without blanks stay bare, so that paths read as paths. */
function quote(text: string): string {
  return /^[\w./:@%+,=*-]+$/.test(text) ? text : JSON.stringify(text);
}

type NumberPrinter = (value: bigint) => string;
const bits =
  (names: Readonly<Record<string, number | bigint>>): NumberPrinter =>
  (value) =>
    symbols.formatBits(value, names);
const octal: NumberPrinter = (value) => `0${value.toString(8)}`;
const limit: NumberPrinter = (value) => (value === 2n ** 64n - 1n ? 'unlimited' : `${value}`);
const capabilities = bits(symbols.capabilityBits);

// Which numbers are not plain: by argument name, and by verb where one name means two things.
const printers: Readonly<Record<string, NumberPrinter>> = {
  'open.flags': bits(symbols.openBits),
  'clone.flags': bits(symbols.cloneBits),
  'setns.flags': bits(symbols.cloneBits),
  'unshare.flags': bits(symbols.cloneBits),
  'propagation.flags': bits(symbols.mountBits),
  'mountHost.flags': bits(symbols.mountBits),
  'seccomp.flags': bits(symbols.seccompBits),
  'boundingSet.mask': capabilities,
  'rlimit.resource': (value) => symbols.rlimitNames[Number(value)] ?? `${value}`,
  'netlinkSocket.family': (value) => symbols.netlinkFamilies[Number(value)] ?? `${value}`,
  attrs: bits(symbols.mountAttributeBits),
  attrSet: bits(symbols.mountAttributeBits),
  attrClear: bits(symbols.mountAttributeBits),
  propagation: bits(symbols.mountBits),
  recursive: bits(symbols.bindBits),
  effective: capabilities,
  permitted: capabilities,
  inheritable: capabilities,
  ambient: capabilities,
  mode: octal,
  mask: octal,
  soft: limit,
  hard: limit,
};

function formatNumber(verb: VerbName, name: string, value: bigint): string {
  return (printers[`${verb}.${name}`] ?? printers[name])?.(value) ?? `${value}`;
}

const decoder = new TextDecoder();

function formatBytes(verb: VerbName, name: string, value: Uint8Array): string {
  if (verb === 'seccomp') return `<${value.length / 8} instructions>`;
  if (verb === 'writeFile') return quote(decoder.decode(value).replace(/\n$/, ''));
  if (verb === 'user' || name === 'patchOffsets') return `[${uint32s(value).join(' ')}]`;
  if (value.length <= 128) return `0x${value.toHex()}`;
  return `<${value.length} bytes>`;
}

function uint32s(value: Uint8Array): number[] {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: Math.floor(value.length / 4) }, (_, index) => view.getUint32(index * 4, true));
}
