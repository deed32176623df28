import { listAttributes, parseMessages } from './reader.ts';

/** Bytes of a family's fixed header, by message type: what stands before the attributes. */
type HeaderSize = (type: number) => number;

// Test data only.

/**
 * Shows messages as text, one line a header or attribute with its bytes in hex, nests indented: for goldens, and for
 * people who compare them with what another program sent.
 */
export function formatMessages(bytes: Uint8Array, headerSize: HeaderSize): string {
  const lines: string[] = [];
  for (const { type, flags, sequence, body } of parseMessages(bytes)) {
    lines.push(`message type ${type} flags 0x${flags.toString(16)} sequence ${sequence}`);
    const header = Math.min(headerSize(type), body.length);
    lines.push(`  header ${hex(body.subarray(0, header))}`);
    lines.push(...attributeLines(body.subarray(header), '  '));
  }
  return `${lines.join('\n')}\n`;
}

function attributeLines(body: Uint8Array, indent: string): string[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let at = 0;
  return listAttributes(body).flatMap(([type, value]) => {
    const nested = (view.getUint16(at + 2, true) & 0x8000) !== 0;
    at += (4 + value.length + 3) & ~3;
    // A nest that starts with a header of its own (a veth's peer) is shown as it is.
    if (nested && listAttributes(value).length > 0)
      return [`${indent}${type}:`, ...attributeLines(value, `${indent}  `)];
    return [`${indent}${type} = ${hex(value)}${textOf(value)}`];
  });
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

function textOf(value: Uint8Array): string {
  const text = new TextDecoder().decode(value.subarray(0, -1));
  const isText = value.length > 2 && value.at(-1) === 0 && /^[\x20-\x7e]+$/.test(text);
  return isText ? `  "${text}"` : '';
}
