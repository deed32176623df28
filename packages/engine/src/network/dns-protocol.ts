import type { NameEntry, Viewer } from './name-table.ts';
import type { Upstream } from './resolv-conf.ts';

/** How a container's queries are answered. */
export type DnsService = {
  readonly containerId: string;
  readonly viewer: Viewer;
  readonly upstreams: readonly Upstream[];
  /** False when all its networks are internal: nothing of a query may leave then (CVE-2024-29018). */
  readonly mayForward: boolean;
};

/** What the engine tells the DNS worker. */
export type DnsCommand =
  | { readonly do: 'put'; readonly entry: NameEntry }
  | { readonly do: 'drop'; readonly networkId: string; readonly containerId: string }
  | { readonly do: 'serve'; readonly request: number; readonly pid: number; readonly service: DnsService }
  | { readonly do: 'update'; readonly service: DnsService }
  | { readonly do: 'end'; readonly containerId: string }
  /** Answered once everything before it is in force. */
  | { readonly do: 'sync'; readonly request: number };

/** The worker's answer to `serve` and `sync`. */
export type DnsReply = { readonly request: number; readonly error: string | undefined };
