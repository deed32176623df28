import type { Timespec } from '@gantry/native';

export type EntryKind = 'file' | 'hardlink' | 'symlink' | 'directory' | 'fifo' | 'character' | 'block';

/**
 * One member of an archive. Paths are **byte strings**: one character for each byte, since a tar's names need not be
 * UTF-8; `textOfBytes` shows them to people and `pathOfBytes` hands them to the kernel.
 */
export type TarEntry = {
  readonly kind: EntryKind;
  /** As the archive has it: perhaps absolute, perhaps with `..`. */
  readonly path: string;
  /** Target of a symbolic or hard link. */
  readonly linkPath: string;
  /** The low twelve bits: permissions, set-user-ID, set-group-ID, sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of the file once written, holes included. */
  readonly sizeBytes: number;
  readonly modified: Timespec;
  /** undefined: the archive does not say. */
  readonly accessed: Timespec | undefined;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
};

/** What a reader calls for each entry: `begin`, for files `data` in order of offset, `end`. */
export type TarSink = {
  begin(entry: TarEntry): void;
  /** The bytes belong to the caller and change after the call. Between two offsets is a hole. */
  data(bytes: Uint8Array, offset: number): void;
  end(): void;
};
