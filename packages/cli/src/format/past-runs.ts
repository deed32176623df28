import type { PastRunWire } from '@gantry/api';
import { shortId } from '@gantry/base';
import { TemplateRow } from '../template/row.ts';
import { goTime } from './human.ts';
import type { Headings } from './list-format.ts';

export const pastRunHeadings: Headings = {
  ID: 'CONTAINER ID',
  Image: 'IMAGE',
  StartedAt: 'STARTED',
  EndedAt: 'ENDED',
  Names: 'NAMES',
};

export const pastRunTable = 'table {{.ID}}\t{{.Image}}\t{{.StartedAt}}\t{{.EndedAt}}\t{{.Names}}';

/** One line of `ps --at`. */
export function pastRunRow(run: PastRunWire, isTruncated: boolean): TemplateRow {
  return new TemplateRow('*formatter.PastRunContext', {
    ID: () => (isTruncated ? shortId(run.Id) : run.Id),
    Image: () => run.Image,
    StartedAt: () => (run.StartedAt === null ? 'before the journal' : goTime(Date.parse(run.StartedAt))),
    EndedAt: () => (run.EndedAt === null ? 'runs' : goTime(Date.parse(run.EndedAt))),
    Names: () => run.Name,
  });
}
