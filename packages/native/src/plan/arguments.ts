import { type Act, type ArgumentType, verbs } from '../verbs.ts';

/** One argument of an act with its type beside it: what the encoder, the printer and the checker all walk. */
export type Argument =
  | { readonly name: string; readonly type: 'u32' | 'in' | 'out'; readonly value: number }
  | { readonly name: string; readonly type: 'in?'; readonly value: number | undefined }
  | { readonly name: string; readonly type: 'u64'; readonly value: bigint }
  | { readonly name: string; readonly type: 'str'; readonly value: string }
  | { readonly name: string; readonly type: 'strs'; readonly value: readonly string[] }
  | { readonly name: string; readonly type: 'bytes'; readonly value: Uint8Array };

/** Register number on the wire that stands for none. */
export const noRegister = 255;
/** How many registers a plan has; 200 to 231 belong to the network. */
export const registerCount = 232;

const rows = new Map<string, readonly (readonly [name: string, type: ArgumentType])[]>(
  Object.entries(verbs).map(([verb, { args }]) => [verb, Object.entries(args)]),
);

/**
 * The arguments of an act in the order of its row.
 *
 * @throws Error when a value is not of its type: no text may end early at a NUL, no number may lose bits on the wire
 */
export function argumentsOf(act: Act): Argument[] {
  const values: Readonly<Record<string, unknown>> = act;
  return (rows.get(act.verb) ?? []).map(([name, type]) => {
    const argument = parseArgument(name, type, values[name]);
    if (argument === undefined)
      throw new Error(`unreachable: ${act.verb} got ${String(values[name])} as its ${type} "${name}"`);
    return argument;
  });
}

function parseArgument(name: string, type: ArgumentType, value: unknown): Argument | undefined {
  switch (type) {
    case 'u32':
      return isUint(value, 2 ** 32) ? { name, type, value } : undefined;
    case 'in':
    case 'out':
      return isUint(value, registerCount) ? { name, type, value } : undefined;
    case 'in?':
      return value === undefined || isUint(value, registerCount) ? { name, type, value } : undefined;
    case 'u64':
      return typeof value === 'bigint' && BigInt.asUintN(64, value) === value ? { name, type, value } : undefined;
    case 'str':
      return isText(value) ? { name, type, value } : undefined;
    case 'strs':
      return Array.isArray(value) && value.every(isText) ? { name, type, value } : undefined;
    case 'bytes':
      return value instanceof Uint8Array ? { name, type, value } : undefined;
  }
}

const isUint = (value: unknown, limit: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < limit;

const isText = (value: unknown): value is string => typeof value === 'string' && !value.includes('\0');
