/** Tells the time in Unix nanoseconds. */
export type Clock = () => bigint;

export type EventType = 'container' | 'image' | 'volume' | 'network' | 'daemon';

/** One fact of the journal: Docker's event, kept as a row. */
export type EngineEvent = {
  readonly type: EventType;
  /** Docker's action word: `start`, `die`, `exec_create: sh`, … */
  readonly action: string;
  readonly actorId: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly timeNanos: bigint;
};

/** Starts and ends of containers on both sides of a moment: at most one of each container on each side. */
export type RunsAround = { readonly before: readonly EngineEvent[]; readonly after: readonly EngineEvent[] };

/** Records facts; called inside the transaction that makes the fact true. Events tell, they never steer. */
export type EventSink = {
  record(type: EventType, action: string, actorId: string, attributes: Readonly<Record<string, string>>): void;
};
