import { EngineError } from '@gantry/base';
import { type DriverName, driverNames } from './driver.ts';

export type Choosing = {
  /** What an administrator asked for; '' for nothing. */
  readonly configured: string;
  /** What made the layers and containers that are there; undefined: there are none. */
  readonly present: DriverName | undefined;
  /** For messages. */
  readonly dataRoot: string;
  /** What a driver lacks here, as the end of a sentence; undefined: nothing. */
  readonly lacks: (name: DriverName) => string | undefined;
};

/**
 * Decides which driver keeps a data root: the one that was asked for, else the one that made what is there, else the
 * first that works. ADR 17.
 *
 * @throws invalid for a name nobody knows, conflict when the data root is another driver's, unsupported
 */
export function chooseDriver({ configured, present, dataRoot, lacks }: Choosing): DriverName {
  const asked = configured === '' ? undefined : parseDriver(configured);
  if (asked !== undefined && present !== undefined && asked !== present) {
    throw new EngineError(
      'conflict',
      `cannot use storage driver "${asked}": the images and containers in "${dataRoot}" were made by "${present}"`,
      { hint: `start with --storage-driver ${present}, or give this driver a --data-root of its own` },
    );
  }
  const wanted = asked ?? present;
  if (wanted === undefined) return firstAble(lacks);
  const missing = lacks(wanted);
  if (missing === undefined) return wanted;
  throw new EngineError('unsupported', `cannot use storage driver "${wanted}" in "${dataRoot}": ${missing}`, {
    hint:
      present === undefined
        ? `the driver that works here is taken without --storage-driver: ${firstAble(lacks)}`
        : 'its images and containers need that: give the data root back the disk that it had',
  });
}

function firstAble(lacks: Choosing['lacks']): DriverName {
  const able = driverNames.find((name) => lacks(name) === undefined);
  if (able === undefined) throw new Error('unreachable: vfs lacks nothing');
  return able;
}

function parseDriver(text: string): DriverName {
  const name = driverNames.find((each) => each === text);
  if (name !== undefined) return name;
  throw new EngineError('invalid', `cannot use storage driver "${text}": there are ${driverNames.join(', ')}`);
}
