/** How many are worth showing. */
const shown = 3;
/** A tag that differs in more places was not meant. */
const farthest = 4;

/** The tags that a mistyped one most likely meant, likeliest first: those that go on where it ends, then those near it. */
export function nearestTags(wanted: string, tags: readonly string[]): readonly string[] {
  return tags
    .map((tag) => ({ tag, far: tag.startsWith(wanted) || wanted.startsWith(tag) ? 0 : distance(wanted, tag) }))
    .filter(({ far }) => far <= Math.min(farthest, wanted.length / 2))
    .sort((one, other) => one.far - other.far || one.tag.length - other.tag.length || (one.tag < other.tag ? -1 : 1))
    .slice(0, shown)
    .map(({ tag }) => tag);
}

/** Levenshtein's: how many letters must be put in, left out or changed. */
function distance(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...one].entries()) {
    const row = [i + 1];
    for (const [j, theirs] of [...other].entries()) {
      const change = (above[j] ?? 0) + (letter === theirs ? 0 : 1);
      row.push(Math.min(change, (above[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1));
    }
    above = row;
  }
  return above.at(-1) ?? 0;
}
