import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';

const slotsDirectory = join(tmpdir(), 'gantry-test-slots');
const slotCount = 200;
const firstOctets = '10.231';

/** What an engine under test has alone on this machine: a number, and the network names made of it. */
export type Slot = Disposable & {
  readonly bridge: string;
  /** The bridge's own address, `10.231.7.1/24`. */
  readonly bridgeAddress: string;
  /** What every address of the subnet begins with, `10.231.7.`. */
  readonly addressPrefix: string;
  /** `10.232.7.0/24` and up, for networks that a test makes. */
  readonly extraSubnet: string;
};

/** Takes the first free slot. Files hold the owner's PID, so that what a killed run held is free again. */
export function takeSlot(): Slot {
  mkdirSync(slotsDirectory, { recursive: true });
  for (let number = 1; number < slotCount; number++) {
    const file = join(slotsDirectory, String(number));
    const slot = describeSlot(number, file);
    if (takeFile(file) && isFree(slot)) return slot;
  }
  throw new Error(`cannot find a free network for a test engine: all of ${slotsDirectory} is taken`);
}

function describeSlot(number: number, file: string): Slot {
  return {
    bridge: `gtest${number}`,
    bridgeAddress: `${firstOctets}.${number}.1/24`,
    addressPrefix: `${firstOctets}.${number}.`,
    extraSubnet: `10.232.${number}.0/24`,
    [Symbol.dispose]: () => rmSync(file, { force: true }),
  };
}

function takeFile(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    return takeFromDeadOwner(file);
  }
}

function takeFromDeadOwner(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return false;
  } catch (error) {
    // Only a PID that names no process frees the slot; a slot of another user, or one just given back, is left alone.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) return false;
    writeFileSync(file, String(process.pid));
    return true;
  }
}

function isFree(slot: Slot): boolean {
  const interfaces = networkInterfaces();
  const addresses = Object.values(interfaces).flatMap((rows) => rows ?? []);
  return interfaces[slot.bridge] === undefined && !addresses.some((row) => row.address.startsWith(slot.addressPrefix));
}
