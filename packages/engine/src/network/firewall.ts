import { isNetlinkError, MessageWriter, NetlinkSocket, netlinkFamily, TableBatch, type TableFamily } from '@gantry/net';
import {
  type BridgeRules,
  bridgeElements,
  elementsBatch,
  type PortRule,
  portElements,
  type Ruleset,
  tableBatch,
} from './ruleset.ts';

/** The engine's two tables, `ip gantry-<instance>` and `ip6 gantry-<instance>`. Everything is synchronous. */
export class Firewall implements Disposable {
  readonly #socket = new NetlinkSocket(netlinkFamily.netfilter);
  readonly #families: readonly TableFamily[];
  readonly name: string;

  constructor(instance: string, kernelHasIpv6: boolean) {
    this.name = `gantry-${instance}`;
    this.#families = kernelHasIpv6 ? ['ip', 'ip6'] : ['ip'];
  }

  /** Replaces both tables, each in one transaction, by what the rows say. */
  install(ruleset: Ruleset): void {
    for (const family of this.#families)
      this.#socket.request('install packet rules', tableBatch({ family, name: this.name }, ruleset));
  }

  addBridge(rules: BridgeRules): void {
    for (const family of this.#families) this.#change(family, 'add', bridgeElements(rules));
  }

  removeBridge(rules: BridgeRules): void {
    for (const family of this.#families) this.#forget(family, bridgeElements(rules));
  }

  addPorts(ports: readonly PortRule[]): void {
    for (const [family, some] of this.#byFamily(ports)) this.#change(family, 'add', some.flatMap(portElements));
  }

  removePorts(ports: readonly PortRule[]): void {
    for (const [family, some] of this.#byFamily(ports)) this.#forget(family, some.flatMap(portElements));
  }

  /** Drops both tables: an engine that is being uninstalled, or a test. */
  uninstall(): void {
    for (const family of this.#families) {
      const batch = new TableBatch(new MessageWriter(), { family, name: this.name });
      this.#socket.request('remove packet rules', batch.addTable().deleteTable().finish());
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  #byFamily(ports: readonly PortRule[]): readonly (readonly [TableFamily, readonly PortRule[]])[] {
    const families = { ip: 4, ip6: 6 } as const;
    return this.#families
      .map((family) => [family, ports.filter(({ containerIp }) => containerIp.family === families[family])] as const)
      .filter(([, some]) => some.length > 0);
  }

  #change(family: TableFamily, change: 'add' | 'delete', elements: ReturnType<typeof portElements>): void {
    const table = { family, name: this.name };
    this.#socket.request(`${change} packet rules`, elementsBatch(table, change, elements));
  }

  /** Drops elements one by one when they cannot go together: what somebody flushed is gone already. */
  #forget(family: TableFamily, elements: ReturnType<typeof portElements>): void {
    try {
      this.#change(family, 'delete', elements);
    } catch (error) {
      if (!isNetlinkError(error, 'ENOENT')) throw error;
      if (elements.length > 1) for (const element of elements) this.#forget(family, [element]);
    }
  }
}
