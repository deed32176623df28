import type { SearchResultWire } from '@gantry/api';
import { TemplateRow } from '../template/row.ts';
import type { Headings } from './list-format.ts';
import { ellipsis } from './tab-writer.ts';

export const searchHeadings: Headings = {
  Name: 'NAME',
  Description: 'DESCRIPTION',
  StarCount: 'STARS',
  IsOfficial: 'OFFICIAL',
};

export const searchTable = 'table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}';

/** How much of a description fits a line. */
const descriptionWidth = 45;

/** One line of `search`. A class, because its JSON says in words what its column says with a mark. */
class SearchRow extends TemplateRow {
  readonly #isOfficial: boolean;

  constructor({ name, description, star_count, is_official }: SearchResultWire, isTruncated: boolean) {
    const oneLine = description.replaceAll('\n', ' ').replaceAll('\r', ' ');
    super('*registry.searchContext', {
      Name: () => name,
      Description: () => (isTruncated ? ellipsis(oneLine, descriptionWidth) : oneLine),
      StarCount: () => String(star_count),
      IsOfficial: () => (is_official ? '[OK]' : ''),
    });
    this.#isOfficial = is_official;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), IsOfficial: String(this.#isOfficial) };
  }
}

export function searchRow(result: SearchResultWire, isTruncated: boolean): TemplateRow {
  return new SearchRow(result, isTruncated);
}
