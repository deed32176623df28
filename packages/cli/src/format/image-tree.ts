import type { ImageManifestWire, ImageSummaryWire } from '@gantry/api';
import { formatSize, shortId } from '@gantry/base';
import { formatPlatform } from '@gantry/oci';

type Line = { readonly name: string; readonly cells: readonly string[] };

const headings = ['ID', 'DISK USAGE', 'CONTENT SIZE', 'EXTRA'];
const gap = '   ';

/** Images with the platforms of each below it, as `images --tree` shows them. */
export function formatImageTree(images: readonly ImageSummaryWire[]): string {
  const blocks = images.map(linesOf);
  const lines = blocks.flat();
  const widths = {
    name: Math.max('IMAGE'.length, ...lines.map(({ name }) => name.length)),
    cells: headings.map((heading, i) => Math.max(heading.length, ...lines.map(({ cells }) => cells[i]?.length ?? 0))),
  };
  const isSpaced = blocks.some((block) => block.some(({ name }) => name.startsWith(branch)));
  const body = blocks.map((block) => block.map((line) => formatLine(line, widths)).join('') + (isSpaced ? '\n' : ''));
  return formatLine({ name: 'IMAGE', cells: headings }, widths) + body.join('');
}

const branch = '├─ ';
const lastBranch = '└─ ';

function linesOf(image: ImageSummaryWire): readonly Line[] {
  const manifests = image.Manifests ?? [];
  const children = manifests.filter(({ Kind }) => Kind === 'image');
  const contentBytes = manifests.reduce((sum, { Size }) => sum + Size.Content, 0);
  const names = [...(image.RepoTags ?? [])];
  const last = names.pop() ?? '<untagged>';
  const isUsed = image.Containers > 0 || children.some(isInUse);
  const sizes = { usedBytes: image.Size, contentBytes };
  return [
    ...names.map((name) => ({ name, cells: [] })),
    { name: last, cells: cellsOf(image.Id, sizes, isUsed) },
    ...children.map((child, i) => childLine(child, i === children.length - 1)),
  ];
}

function childLine(child: ImageManifestWire, isLast: boolean): Line {
  const { os, architecture, variant = '' } = child.ImageData?.Platform ?? { os: '', architecture: '' };
  const sizes = { usedBytes: child.Size.Total, contentBytes: child.Size.Content };
  return {
    name: `${isLast ? lastBranch : branch}${formatPlatform({ os, architecture, variant })}`,
    cells: cellsOf(child.ID, sizes, isInUse(child)),
  };
}

function isInUse({ ImageData }: ImageManifestWire): boolean {
  return (ImageData?.Containers ?? []).length > 0;
}

function cellsOf(
  id: string,
  { usedBytes, contentBytes }: { readonly usedBytes: number; readonly contentBytes: number },
  isUsed: boolean,
): readonly string[] {
  return [shortId(id), formatSize(usedBytes, 3), formatSize(contentBytes, 3), isUsed ? ' U' : ''];
}

/** Sizes stand to the right of their column. */
function formatLine(
  { name, cells }: Line,
  widths: { readonly name: number; readonly cells: readonly number[] },
): string {
  const padded = cells.map((cell, i) => {
    const width = widths.cells[i] ?? 0;
    return i === 1 || i === 2 ? cell.padStart(width) : cell.padEnd(width);
  });
  return `${[name.padEnd(widths.name), ...padded].join(gap).trimEnd()}\n`;
}
