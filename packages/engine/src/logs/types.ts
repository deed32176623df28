/** Where a remote end of a log is. */
export type Endpoint =
  | { readonly kind: 'udp'; readonly host: string; readonly port: number }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'tls'; readonly host: string; readonly port: number; readonly tls: TlsFiles }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'unixgram'; readonly path: string };

/** Paths of PEM files; undefined: none. */
export type TlsFiles = {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly skipVerify: boolean;
};

export type SyslogFormat = 'unix' | 'rfc3164' | 'rfc5424' | 'rfc5424micro';

/** What a container's log options come to. */
export type LogTarget =
  | { readonly kind: 'none' }
  /** `json-file` and `local`: the file that the shim writes is all there is. */
  | { readonly kind: 'file' }
  | {
      readonly kind: 'syslog';
      /** undefined: the machine's own, at one of its usual sockets. */
      readonly endpoint: Endpoint | undefined;
      readonly facility: number;
      readonly format: SyslogFormat;
    }
  | { readonly kind: 'journald'; readonly path: string }
  | {
      readonly kind: 'gelf';
      readonly endpoint: Endpoint;
      readonly compression: 'gzip' | 'zlib' | 'none';
      readonly level: number;
      readonly retryMs: number;
    }
  | {
      readonly kind: 'fluentd';
      readonly endpoint: Endpoint;
      readonly subSecond: boolean;
      readonly requestAck: boolean;
      readonly retryMs: number;
    };

/** Those whose lines leave the machine, or at least the engine. */
export type RemoteTarget = Exclude<LogTarget, { kind: 'none' | 'file' }>;

/** One piece of output: a line, or 16 KiB of a longer one. */
export type LogEntry = {
  /** Without the newline. */
  readonly text: string;
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 in UTC, up to nanoseconds. */
  readonly time: string;
  /** Only of a line that came in pieces. */
  readonly piece: { readonly id: string; readonly ordinal: number; readonly isLast: boolean } | undefined;
};

/** What a message says of its container. */
export type LogOrigin = {
  readonly id: string;
  readonly name: string;
  readonly imageId: string;
  readonly imageName: string;
  readonly command: string;
  readonly createdAt: Date;
  readonly hostname: string;
  /** Of this daemon. */
  readonly pid: number;
  /** The template filled in. */
  readonly tag: string;
  /** Labels and variables that the options name. */
  readonly attributes: Readonly<Record<string, string>>;
};
