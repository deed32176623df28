import {
  installTable,
  isNetlinkError,
  MessageWriter,
  NetlinkSocket,
  netlinkFamily,
  TableBatch,
  type TableFamily,
} from '@gantry/net';
import { allowThroughForeign } from './foreign-forward.ts';
import {
  type BridgeRules,
  bridgeElements,
  elementsBatch,
  type PortRule,
  portElements,
  type Ruleset,
  tablesBatch,
} from './ruleset.ts';

/** The engine's two tables, `ip gantry-<instance>` and `ip6 gantry-<instance>`. Everything is synchronous. */
export class Firewall implements Disposable {
  readonly #socket = new NetlinkSocket(netlinkFamily.netfilter);
  readonly #families: readonly TableFamily[];
  readonly #bridges = new Set<string>();
  readonly name: string;

  constructor(instance: string, kernelHasIpv6: boolean) {
    this.name = `gantry-${instance}`;
    this.#families = kernelHasIpv6 ? ['ip', 'ip6'] : ['ip'];
  }

  /** Replaces both tables, in one transaction, by what the rows say. */
  install(ruleset: Ruleset): void {
    const tables = this.#families.map((family) => ({ family, name: this.name }));
    installTable(this.#socket, 'install packet rules', (as) => tablesBatch(tables, ruleset, as));
    for (const { bridge } of ruleset.bridges) this.#bridges.add(bridge);
    this.#allowThrough();
  }

  addBridge(rules: BridgeRules): void {
    for (const family of this.#families) this.#change(family, 'add', bridgeElements(rules));
    this.#bridges.add(rules.bridge);
    this.#allowThrough();
  }

  removeBridge(rules: BridgeRules): void {
    for (const family of this.#families) this.#forget(family, bridgeElements(rules));
    this.#bridges.delete(rules.bridge);
    this.#allowThrough();
  }

  addPorts(ports: readonly PortRule[]): void {
    for (const [family, some] of this.#byFamily(ports)) this.#change(family, 'add', some.flatMap(portElements));
  }

  removePorts(ports: readonly PortRule[]): void {
    for (const [family, some] of this.#byFamily(ports)) this.#forget(family, some.flatMap(portElements));
  }

  /** Drops both tables, and what was put into foreign ones. */
  uninstall(): void {
    this.#bridges.clear();
    this.#allowThrough();
    const [first = 'ip'] = this.#families;
    const batch = new TableBatch(new MessageWriter(), { family: first, name: this.name });
    for (const family of this.#families) batch.on({ family, name: this.name }).addTable().deleteTable();
    this.#socket.request('remove packet rules', batch.finish());
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  #allowThrough(): void {
    const bridges = [...this.#bridges];
    for (const family of this.#families) allowThroughForeign(this.#socket, { family, owner: this.name, bridges });
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
