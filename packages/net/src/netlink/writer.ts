/** Flags of a netlink message header. */
export const messageFlag = {
  request: 1,
  multi: 2,
  acknowledge: 4,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
  dump: 0x300,
} as const;

const nested = 0x8000;
const utf8 = new TextEncoder();

/**
 * Writes netlink messages one after another into one buffer. Lengths are patched when a message or a nest ends, and
 * everything is padded to four bytes, as `struct nlmsghdr` and `struct nlattr` ask.
 *
 * One life: `message(…, () => { fixed header; attributes })` any number of times, then `finish()`.
 */
export class MessageWriter {
  #bytes = new Uint8Array(512);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #sequence = 0;

  /** How many bytes are written: the offset of what comes next. */
  get length(): number {
    return this.#length;
  }

  /** One message with the next sequence number; `body` writes the family's fixed header and the attributes. */
  message(type: number, flags: number, body: () => void): this {
    const start = this.#length;
    this.u32(0)
      .u16(type)
      .u16(flags)
      .u32(++this.#sequence)
      .u32(0);
    body();
    this.#view.setUint32(start, this.#length - start, true);
    return this;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#view.setUint8(this.#length, value);
    this.#length += 1;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#view.setUint16(this.#length, value, true);
    this.#length += 2;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
    return this;
  }

  /** Raw bytes, padded to four. */
  bytes(value: Uint8Array): this {
    const padded = (value.length + 3) & ~3;
    this.#reserve(padded);
    this.#bytes.set(value, this.#length);
    this.#bytes.fill(0, this.#length + value.length, this.#length + padded);
    this.#length += padded;
    return this;
  }

  attribute(type: number, value: Uint8Array): this {
    return this.u16(4 + value.length)
      .u16(type)
      .bytes(value);
  }

  attributeU8(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value));
  }

  attributeU16(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value & 255, value >>> 8));
  }

  /** In the machine's byte order, as rtnetlink wants. */
  attributeU32(type: number, value: number): this {
    return this.u16(8).u16(type).u32(value);
  }

  /** In network byte order, as nf_tables wants. */
  attributeBe32(type: number, value: number): this {
    this.u16(8).u16(type).u32(0);
    this.#view.setUint32(this.#length - 4, value, false);
    return this;
  }

  /** Text with its terminating NUL. */
  attributeText(type: number, text: string): this {
    return this.attribute(type, utf8.encode(`${text}\0`));
  }

  /** An attribute that holds attributes. */
  nest(type: number, body: () => void): this {
    const start = this.#length;
    this.u16(0).u16(type | nested);
    body();
    this.#view.setUint16(start, this.#length - start, true);
    return this;
  }

  /** The bytes written so far, copied. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + size));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
