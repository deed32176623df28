import { EngineError } from '@gantry/base';
import { type Digest, parseDigest } from './digest.ts';

/** `host/path:tag@digest`, complete: the registry's host is always there. */
export type Reference = {
  /** `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly domain: string;
  /** `library/busybox`. */
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
};

export const defaultDomain = 'docker.io';
const officialPrefix = 'library/';
const maximumPathLength = 255;
/** Longer texts cannot be references: 255 of path, a host, 128 of tag and 135 of digest fit well below. */
const maximumLength = 1024;

const alphanumeric = '[a-z0-9]+';
const pathComponent = `${alphanumeric}(?:(?:[._]|__|-+)${alphanumeric})*`;
const domainComponent = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const domain = `(?:${domainComponent}(?:\\.${domainComponent})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const tag = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const digest = '[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
const referenceGrammar = new RegExp(
  `^((?:${domain}/)?${pathComponent}(?:/${pathComponent})*)(?::(${tag}))?(?:@(${digest}))?$`,
);
const tagGrammar = new RegExp(`^${tag}$`);

function invalid(text: string): EngineError {
  return new EngineError('invalid', text);
}

/**
 * Parses a reference as people write it: `busybox` means `docker.io/library/busybox`. A tag is not made up; see `withDefaultTag`.
 *
 * Spec: the grammar of the `distribution/reference` package, whose texts Docker's clients show.
 * @throws invalid with Docker's texts
 */
export function parseReference(text: string): Reference {
  if (/^[a-f0-9]{64}$/.test(text)) {
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  if (text.length > maximumLength) throw invalid('invalid reference format');
  const { host, rest } = splitDomain(text);
  const name = rest.split(/[:@]/, 1)[0] ?? '';
  if (name !== name.toLowerCase()) {
    throw invalid(`invalid reference format: repository name (${name}) must be lowercase`);
  }
  const match = referenceGrammar.exec(`${host}/${rest}`);
  if (match?.[1] === undefined) throw invalid('invalid reference format');
  const path = match[1].slice(host.length + 1);
  if (path.length > maximumPathLength) throw invalid('repository name must not be more than 255 characters');
  return { domain: host, path, tag: match[2], digest: match[3] === undefined ? undefined : parseDigest(match[3]) };
}

function splitDomain(text: string): { host: string; rest: string } {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  const named = slash !== -1 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  const host = !named || first === 'index.docker.io' ? defaultDomain : first;
  const rest = named ? text.slice(slash + 1) : text;
  return { host, rest: host === defaultDomain && !rest.includes('/') ? officialPrefix + rest : rest };
}

/** Adds `latest` when neither tag nor digest is there. */
export function withDefaultTag(reference: Reference): Reference {
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  return { ...reference, tag: 'latest' };
}

/** The whole name without tag and digest: `docker.io/library/busybox`. */
export function repositoryOf(reference: Reference): string {
  return `${reference.domain}/${reference.path}`;
}

/** The name as people write it, without tag and digest: `busybox`, `user/app`, `localhost:5000/app`. */
export function familiarName(reference: Reference): string {
  if (reference.domain !== defaultDomain) return repositoryOf(reference);
  const { path } = reference;
  const bare = path.startsWith(officialPrefix) ? path.slice(officialPrefix.length) : path;
  return bare.includes('/') ? path : bare;
}

/** Formats a reference as people write it: `busybox:latest`, `localhost:5000/app@sha256:…`. */
export function formatReference(reference: Reference): string {
  const { tag: tagText, digest: digestText } = reference;
  const suffix = `${tagText === undefined ? '' : `:${tagText}`}${digestText === undefined ? '' : `@${digestText}`}`;
  return familiarName(reference) + suffix;
}

/** Tells whether a text is a tag by itself. */
export function isTag(text: string): boolean {
  return tagGrammar.test(text);
}
