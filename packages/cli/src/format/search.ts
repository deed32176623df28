import type { SearchResultWire } from '@gantry/api';
import { TemplateRow } from '../template/row.ts';
import type { Headings } from './list-format.ts';
import { ellipsis } from './tab-writer.ts';

export const searchHeadings: Headings = {
  Name: 'NAME',
  Description: 'DESCRIPTION',
  StarCount: 'STARS',
  IsOfficial: 'OFFICIAL',
  IsAutomated: 'AUTOMATED',
};

export const searchTable = 'table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}';

/** How much of a description fits a line. */
const descriptionWidth = 45;

/** One line of `search`. */
export function searchRow(result: SearchResultWire, isTruncated: boolean): TemplateRow {
  const oneLine = result.description.replaceAll('\n', ' ').replaceAll('\r', ' ');
  const mark = (is: boolean): string => (is ? '[OK]' : '');
  return new TemplateRow('*search.searchContext', {
    Name: () => result.name,
    Description: () => (isTruncated ? ellipsis(oneLine, descriptionWidth) : oneLine),
    StarCount: () => String(result.star_count),
    IsOfficial: () => mark(result.is_official),
    IsAutomated: () => mark(result.is_automated),
  });
}
