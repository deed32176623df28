import type { TestEngine } from '../test/harness/engine.ts';
import type { Measured } from './measure.ts';
import type { PeerEngine, Peers } from './peers.ts';

/** What the rows measure: ours, and the peers when this machine has them. */
export type Bench = {
  readonly gantry: TestEngine;
  readonly socket: string;
  readonly dockerd: PeerEngine | undefined;
  readonly peers: Peers | undefined;
  /** A podman command line with storage of its own, to be run by a shell among the peers. */
  readonly podman: string;
  /** How often each side has its turn. */
  readonly turns: number;
};

/** One line of the table. */
export type Row = {
  readonly name: string;
  readonly unit: 'ms' | 'MB' | 'MB/s' | '/s' | 's';
  /** What the design asks of ours; the first contender's value is held against it. */
  readonly budget: number;
  readonly better: 'lower' | 'higher';
  readonly run: (bench: Bench) => Promise<readonly Measured[]>;
};
