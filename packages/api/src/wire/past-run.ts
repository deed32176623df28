/** A run of a container that went on at a moment. An extension: Docker has no such list. */
export type PastRunWire = {
  readonly Id: string;
  /** The name it was started under. */
  readonly Name: string;
  readonly Image: string;
  /** null: before the journal begins. */
  readonly StartedAt: string | null;
  /** null: it goes on. */
  readonly EndedAt: string | null;
};
