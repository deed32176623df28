import { humanDuration, type ImageHistoryWire, type ImageSummaryWire } from '@gantry/api';
import { formatSize, shortId } from '@gantry/base';
import { familiarName, parseReference } from '@gantry/oci';
import { TemplateRow } from '../template/row.ts';
import { goTime } from './human.ts';
import type { Headings } from './list-format.ts';
import { ellipsis } from './tab-writer.ts';

export const imageHeadings: Headings = {
  ID: 'IMAGE ID',
  Repository: 'REPOSITORY',
  Tag: 'TAG',
  Digest: 'DIGEST',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  Size: 'SIZE',
  Containers: 'CONTAINERS',
  VirtualSize: 'SIZE',
  SharedSize: 'SHARED SIZE',
  UniqueSize: 'UNIQUE SIZE',
};

const created = '{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}';

/** The columns of `images` when nothing else is asked for. */
export const imageTable = `table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t${created}\t{{.Size}}`;
export const imageDigestTable = `table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t${created}\t{{.Size}}`;

export type ImageRowOptions = {
  readonly isTruncated: boolean;
  readonly nowMs: number;
  /** A row for every digest, rather than one for every tag. */
  readonly showsDigests: boolean;
};

/** An image under one of its names. */
export type NamedImage = {
  readonly image: ImageSummaryWire;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
};

const none = '<none>';

/** The lines of `images` for one image: one for each of its tags, and for each digest that has no tag beside it. */
export function namesOf(image: ImageSummaryWire, showsDigests: boolean): NamedImage[] {
  const tags = group(image.RepoTags ?? [], ({ tag }) => tag);
  const digests = group(image.RepoDigests ?? [], ({ digest }) => digest);
  const named: NamedImage[] = [];
  for (const [repository, names] of tags) {
    const known = showsDigests ? (digests.get(repository) ?? []) : [];
    digests.delete(repository);
    for (const tag of names) {
      for (const digest of known.length === 0 ? [none] : known) named.push({ image, repository, tag, digest });
    }
  }
  for (const [repository, known] of digests) {
    const shown = showsDigests ? known : [''];
    for (const digest of shown) named.push({ image, repository, tag: none, digest });
  }
  return named.length === 0 ? [{ image, repository: none, tag: none, digest: none }] : named;
}

type Parsed = ReturnType<typeof parseReference>;

function group(references: readonly string[], pick: (parsed: Parsed) => string | undefined): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const text of references) {
    const parsed = parseKnown(text);
    const part = parsed === undefined ? undefined : pick(parsed);
    if (parsed === undefined || part === undefined) continue;
    const name = familiarName(parsed);
    groups.set(name, [...(groups.get(name) ?? []), part]);
  }
  return groups;
}

function parseKnown(text: string): Parsed | undefined {
  try {
    return parseReference(text);
  } catch {
    // `<none>:<none>` of old engines: an image without a name.
    return undefined;
  }
}

/** One line of `images`. */
export function imageRow(
  { image, repository, tag, digest }: NamedImage,
  { isTruncated, nowMs }: ImageRowOptions,
): TemplateRow {
  const createdMs = image.Created * 1000;
  const orUnknown = (value: number, show: (value: number) => string): string => (value === -1 ? 'N/A' : show(value));
  return new TemplateRow('*formatter.imageContext', {
    ID: () => (isTruncated ? shortId(image.Id) : image.Id),
    Repository: () => repository,
    Tag: () => tag,
    Digest: () => digest,
    CreatedSince: () => `${humanDuration(nowMs - createdMs)} ago`,
    CreatedAt: () => goTime(createdMs),
    Size: () => formatSize(image.Size, 3),
    Containers: () => orUnknown(image.Containers, String),
    VirtualSize: () => formatSize(image.Size),
    SharedSize: () => orUnknown(image.SharedSize, (size) => formatSize(size)),
    UniqueSize: () => orUnknown(image.SharedSize, (size) => formatSize(image.Size - size)),
  });
}

export const historyHeadings: Headings = {
  ID: 'IMAGE',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  CreatedBy: 'CREATED BY',
  Size: 'SIZE',
  Comment: 'COMMENT',
};

export type HistoryRowOptions = { readonly isTruncated: boolean; readonly isHuman: boolean; readonly nowMs: number };

/** Times before this are those of reproducible builds, which say nothing. */
const epochMs = Date.UTC(2000, 0, 1);

/** One line of `history`. */
export function historyRow(layer: ImageHistoryWire, { isTruncated, isHuman, nowMs }: HistoryRowOptions): TemplateRow {
  const createdMs = layer.Created * 1000;
  const createdAt = (): string => goTime(createdMs).replace(/^(\S+) (\S+) ([+-]\d\d)(\d\d) .*$/, rfc3339);
  const createdBy = layer.CreatedBy.replaceAll('\t', ' ');
  return new TemplateRow('*image.historyContext', {
    ID: () => (isTruncated ? shortId(layer.Id) : layer.Id),
    CreatedAt: createdAt,
    CreatedSince: () => {
      if (!isHuman) return createdAt();
      return createdMs <= epochMs ? 'N/A' : `${humanDuration(nowMs - createdMs)} ago`;
    },
    CreatedBy: () => (isTruncated ? ellipsis(createdBy, 45) : createdBy),
    Size: () => (isHuman ? formatSize(layer.Size, 3) : String(layer.Size)),
    Comment: () => layer.Comment,
  });
}

function rfc3339(_: string, ...parts: string[]): string {
  const [day, clock, hours, minutes] = parts;
  return `${day}T${clock}${hours === '+00' && minutes === '00' ? 'Z' : `${hours}:${minutes}`}`;
}
