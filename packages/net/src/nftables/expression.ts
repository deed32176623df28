import type { MessageWriter } from '../netlink/writer.ts';

/**
 * One step of a rule: load into a register, compare and stop, or act. A rule is a list of them and ends at the first
 * comparison that fails. Registers 1 to 4 have sixteen bytes; 8 to 23 are the same memory in steps of four.
 */
export type Expression =
  | { readonly do: 'meta'; readonly key: keyof typeof metaKey; readonly to: number }
  | { readonly do: 'ct'; readonly key: keyof typeof ctKey; readonly to: number }
  | {
      readonly do: 'payload';
      readonly base: keyof typeof payloadBase;
      readonly offset: number;
      readonly length: number;
      readonly to: number;
    }
  | { readonly do: 'fibAddressType'; readonly of: 'source' | 'destination'; readonly to: number }
  | { readonly do: 'mask'; readonly register: number; readonly mask: Uint8Array }
  | { readonly do: 'compare'; readonly register: number; readonly equal: boolean; readonly value: Uint8Array }
  | {
      readonly do: 'lookup';
      readonly set: string;
      readonly register: number;
      readonly into?: number;
      readonly inverted?: boolean;
    }
  | { readonly do: 'load'; readonly to: number; readonly value: Uint8Array }
  | { readonly do: 'verdict'; readonly verdict: Verdict }
  | {
      readonly do: 'nat';
      readonly kind: 'source' | 'destination';
      readonly family: 4 | 6;
      readonly address?: number;
      readonly port?: number;
    }
  | { readonly do: 'masquerade' }
  | { readonly do: 'counter' };

export type Verdict = 'accept' | 'drop' | 'return' | { readonly jump: string } | { readonly goto: string };

const metaKey = { iifname: 6, oifname: 7, l4proto: 16 } as const;
const ctKey = { state: 0, status: 2 } as const;
const payloadBase = { network: 1, transport: 2 } as const;

/** Bits of `ct state`, in the machine's byte order, and of `ct status`. */
export const connectionState = { established: 2, related: 4 } as const;
export const connectionStatus = { destinationNat: 0x20 } as const;
/** What `fib … type` loads for an address of the host. */
export const routeTypeLocal = 2;

const verdictCode = { accept: 1, drop: 0, return: -5, jump: -3, goto: -4 } as const;
const dataValue = 1;
const dataVerdict = 2;

/** Writes the value of a register or an element as NFTA_DATA_VALUE inside `type`. */
export function writeData(writer: MessageWriter, type: number, value: Uint8Array): void {
  writer.nest(type, () => writer.attribute(dataValue, value));
}

/** Writes a verdict as the data of an immediate or of a map's element. */
export function writeVerdict(writer: MessageWriter, type: number, verdict: Verdict): void {
  writer.nest(type, () =>
    writer.nest(dataVerdict, () => {
      const [code, chain] =
        typeof verdict === 'string'
          ? [verdictCode[verdict], undefined]
          : 'jump' in verdict
            ? [verdictCode.jump, verdict.jump]
            : [verdictCode.goto, verdict.goto];
      writer.attributeBe32(1, code);
      if (chain !== undefined) writer.attributeText(2, chain);
    }),
  );
}

/** Writes one expression as an element of a rule's list. */
export function writeExpression(writer: MessageWriter, expression: Expression): void {
  writer.nest(1, () => {
    writer.attributeText(1, kernelName[expression.do]);
    writer.nest(2, () => writeBody(writer, expression));
  });
}

const kernelName = {
  meta: 'meta',
  ct: 'ct',
  payload: 'payload',
  fibAddressType: 'fib',
  mask: 'bitwise',
  compare: 'cmp',
  lookup: 'lookup',
  load: 'immediate',
  verdict: 'immediate',
  nat: 'nat',
  masquerade: 'masq',
  counter: 'counter',
} as const satisfies Record<Expression['do'], string>;

const fibResultAddressType = 3;

function writeBody(writer: MessageWriter, expression: Expression): void {
  switch (expression.do) {
    case 'meta':
      writer.attributeBe32(2, metaKey[expression.key]).attributeBe32(1, expression.to);
      break;
    case 'ct':
      writer.attributeBe32(2, ctKey[expression.key]).attributeBe32(1, expression.to);
      break;
    case 'payload':
      writer.attributeBe32(1, expression.to).attributeBe32(2, payloadBase[expression.base]);
      writer.attributeBe32(3, expression.offset).attributeBe32(4, expression.length);
      break;
    case 'fibAddressType':
      writer.attributeBe32(3, expression.of === 'source' ? 1 : 2);
      writer.attributeBe32(2, fibResultAddressType).attributeBe32(1, expression.to);
      break;
    case 'mask':
      writer.attributeBe32(1, expression.register).attributeBe32(2, expression.register);
      writer.attributeBe32(3, expression.mask.length);
      writeData(writer, 4, expression.mask);
      writeData(writer, 5, new Uint8Array(expression.mask.length));
      break;
    case 'compare':
      writer.attributeBe32(1, expression.register).attributeBe32(2, expression.equal ? 0 : 1);
      writeData(writer, 3, expression.value);
      break;
    case 'lookup':
      writer.attributeText(1, expression.set).attributeBe32(2, expression.register);
      if (expression.into !== undefined) writer.attributeBe32(3, expression.into);
      if (expression.inverted === true) writer.attributeBe32(5, 1);
      break;
    case 'load':
      writer.attributeBe32(1, expression.to);
      writeData(writer, 2, expression.value);
      break;
    case 'verdict':
      writer.attributeBe32(1, 0);
      writeVerdict(writer, 2, expression.verdict);
      break;
    case 'nat':
      writer.attributeBe32(1, expression.kind === 'source' ? 0 : 1);
      writer.attributeBe32(2, expression.family === 4 ? 2 : 10);
      if (expression.address !== undefined) writer.attributeBe32(3, expression.address);
      if (expression.port !== undefined) writer.attributeBe32(5, expression.port);
      break;
    case 'masquerade':
    case 'counter':
      break;
  }
}
