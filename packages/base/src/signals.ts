import { EngineError } from './errors.ts';

/** Linux signal numbers of x86 and ARM by name, without `SIG`. */
const signalNumbers: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  IOT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  POLL: 29,
  PWR: 30,
  SYS: 31,
  RTMIN: 34,
  RTMAX: 64,
};

/** SIGKILL, which no process can catch. */
export const sigkill = 9;

/**
 * Parses a signal as Docker takes it: `9`, `KILL`, `sigkill`, `SIGRTMIN+3`, `RTMAX-1`.
 *
 * @throws invalid, with Docker's text
 */
export function parseSignal(text: string): number {
  const name = text.toUpperCase().replace(/^SIG/, '');
  const number = /^\d+$/.test(text) ? Number(text) : (signalNumbers[name] ?? realTimeSignal(name));
  if (number === undefined || number < 1 || number > 64) throw new EngineError('invalid', `invalid signal: ${text}`);
  return number;
}

/** The name of a signal, `SIGTERM`, `SIGRTMIN+3`; a number that has none is `signal 33`. */
export function formatSignal(number: number): string {
  const name = Object.keys(signalNumbers).find((candidate) => signalNumbers[candidate] === number);
  if (name !== undefined) return `SIG${name}`;
  return number > 34 && number < 64 ? `SIGRTMIN+${number - 34}` : `signal ${number}`;
}

function realTimeSignal(name: string): number | undefined {
  const match = /^RTM(IN\+|AX-)(\d{1,2})$/.exec(name);
  if (match === null) return undefined;
  const number = match[1] === 'IN+' ? 34 + Number(match[2]) : 64 - Number(match[2]);
  return number >= 34 && number <= 64 ? number : undefined;
}
