import { formatTime, type PastRunWire } from '@gantry/api';
import type { PastRun } from '@gantry/engine';

export function printPastRun({ id, name, image, startedAt, endedAt }: PastRun): PastRunWire {
  return {
    Id: id,
    Name: name,
    Image: image,
    StartedAt: startedAt === undefined ? null : formatTime(startedAt),
    EndedAt: endedAt === undefined ? null : formatTime(endedAt),
  };
}
