/** The registers below 200 are the compiler's; 200 to 231 belong to the network's acts. */
const firstForeignRegister = 200;

/** Hands out the numbered descriptor slots of a plan, each once. */
export type Registers = { next(): number };

export function openRegisters(): Registers {
  let used = 0;
  return {
    next() {
      if (used === firstForeignRegister) throw new Error('unreachable: a plan with 200 descriptors');
      return used++;
    },
  };
}
