import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { EngineError } from '@gantry/base';
import type { Reference } from '@gantry/oci';
import { isLoopback, type Registries } from './endpoint.ts';
import { proxyFor } from './proxy.ts';
import { type BlobAsked, restOf } from './repository.ts';
import { sendPatiently } from './transport.ts';

export type BlobElsewhere = BlobAsked & { readonly offset: number; readonly urls: readonly string[] };

const maximumRedirects = 5;

/** Where machines are told who they are: no image has business there. */
const linkLocal = blockList(['169.254.0.0', 16, 'ipv4'], ['fe80::', 10, 'ipv6'], ['fd00:ec2::254', 128, 'ipv6']);
const thisMachine = blockList(
  ['127.0.0.0', 8, 'ipv4'],
  ['0.0.0.0', 8, 'ipv4'],
  ['::1', 128, 'ipv6'],
  ['::', 128, 'ipv6'],
);

function blockList(...subnets: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix, family] of subnets) list.addSubnet(network, prefix, family);
  return list;
}

/**
 * Streams a blob that its registry does not have from the URLs that its manifest gives, the first that answers. As
 * `Repository.readBlob`: the caller hashes.
 *
 * SAFETY: the URLs are the words of whoever made the image. Nothing of ours goes there, neither credentials nor
 * certificates nor what `hosts.toml` adds; nothing of the answer is shown; and this machine is asked only when the
 * registry is on it, too. A name that resolves to another address a moment later is not noticed: it gets a bare GET.
 *
 * @throws unavailable when none has it, invalid when there are more bytes than stated
 */
export async function* readElsewhere(
  { digest, sizeBytes, urls, ...blob }: BlobElsewhere,
  from: { readonly registries: Pick<Registries, 'proxies'>; readonly reference: Pick<Reference, 'domain'> },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let done = blob.offset;
  const failures: string[] = [];
  for (const text of urls) {
    try {
      const response = await get(text, { ...from, offset: done }, signal);
      for await (const chunk of restOf(response, done, signal)) {
        done += chunk.length;
        if (done > sizeBytes) throw tooLarge(digest, sizeBytes);
        yield chunk;
      }
      if (done === sizeBytes) return;
      failures.push(`${hostOf(text)}: it broke off after ${done} of ${sizeBytes} bytes`);
    } catch (error) {
      signal.throwIfAborted();
      failures.push(`${hostOf(text)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new EngineError(
    'unavailable',
    `cannot fetch layer "${digest}" from where its image says: ${failures.join('; ')}`,
  );
}

function tooLarge(digest: string, sizeBytes: number): EngineError {
  return new EngineError('invalid', `"${digest}" is larger than its stated ${sizeBytes} bytes`);
}

function hostOf(text: string): string {
  return URL.canParse(text) ? new URL(text).host : 'an invalid URL';
}

type Getting = {
  readonly registries: Pick<Registries, 'proxies'>;
  readonly reference: Pick<Reference, 'domain'>;
  readonly offset: number;
};

async function get(text: string, { registries, reference, offset }: Getting, signal: AbortSignal): Promise<Response> {
  const { proxies } = registries;
  let url = parseUrl(text);
  for (let hops = 0; ; hops++) {
    // A proxy resolves names itself, and sees only what it may see.
    if (proxyFor(url, proxies) === undefined) await checkAddress(url, reference);
    const dial = { skipVerify: false, certificates: undefined, proxies };
    const headers: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
    const response = await sendPatiently({ url, headers, dial }, signal);
    if (response.status === 200 || response.status === 206) return response;
    await response.body?.cancel();
    const location = response.headers.get('location') ?? '';
    if (response.status < 300 || response.status >= 400 || !URL.canParse(location, url.href))
      throw new EngineError('unavailable', `it answered ${response.status}`);
    if (hops === maximumRedirects) throw new EngineError('unavailable', 'it redirects in circles');
    const next = parseUrl(new URL(location, url.href).href);
    if (url.protocol === 'https:' && next.protocol === 'http:')
      throw new EngineError('denied', 'it redirects to plain http');
    url = next;
  }
}

/** @throws denied for what is no plain web address */
function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw new EngineError('denied', 'only http and https URLs without a password are fetched');
  return url;
}

async function checkAddress({ hostname }: URL, { domain }: Pick<Reference, 'domain'>): Promise<void> {
  const name = hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(name) === 0 ? (await lookup(name, { all: true })).map(({ address }) => address) : [name];
  const isIn = (list: BlockList, address: string): boolean =>
    list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  const mayBeHere = isLoopback(domain.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''));
  const bad = addresses.find((address) => isIn(linkLocal, address) || (!mayBeHere && isIn(thisMachine, address)));
  if (bad !== undefined) throw new EngineError('denied', `an image cannot send anybody to ${bad}`);
}
