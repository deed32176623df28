import { cutPair } from './csv.ts';
import type { ReadFile } from './environment.ts';

export type SecurityRequest = {
  readonly options: readonly string[];
  /** `systempaths=unconfined`: nothing under /proc and /sys is hidden or read-only. */
  readonly isUnmasked: boolean;
};

/**
 * Reads `--security-opt`. A seccomp profile is a file here, and its text there: the engine cannot read our disk.
 *
 * @throws Error in Docker's words
 */
export function parseSecurity(options: readonly string[], readFile: ReadFile): SecurityRequest {
  const sent = options.filter((option) => option !== 'systempaths=unconfined');
  return { options: sent.map((option) => parseOption(option, readFile)), isUnmasked: sent.length < options.length };
}

function parseOption(option: string, readFile: ReadFile): string {
  const separator = option.includes('=') ? '=' : ':';
  const [key, value] = cutPair(option, separator);
  if (key === 'no-new-privileges') return option;
  if (value === undefined || value === '') throw new Error(`Invalid --security-opt: ${JSON.stringify(option)}`);
  if (key !== 'seccomp' || value === 'builtin' || value === 'unconfined') return option;
  return `seccomp=${readProfile(value, readFile)}`;
}

function readProfile(path: string, readFile: ReadFile): string {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    throw new Error(
      `opening seccomp profile (${path}) failed: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`compacting json for seccomp profile (${path}) failed: ${why}`);
  }
}
