import { EngineError, messageOf } from '@gantry/base';
import type { RuntimeProcess, RuntimeSpec } from '@gantry/oci';
import type { ExecProcess } from '../context.ts';

/** What an exec shall be: said by flags, on top of the container's own process, or by a document alone. */
export type ExecRequest =
  | {
      readonly kind: 'flags';
      readonly args: readonly string[];
      readonly env: readonly string[];
      readonly cwd: string | undefined;
      /** `uid[:gid]`, or any text that Docker takes. */
      readonly user: string | undefined;
      readonly groups: readonly string[];
      readonly capabilities: readonly string[];
      readonly terminal: boolean;
      readonly noNewPrivileges: boolean;
      readonly apparmor: string | undefined;
      readonly label: string | undefined;
    }
  | { readonly kind: 'document'; readonly process: RuntimeProcess };

/** Parses the document of `exec --process`. Spec: config.md, "Process". @throws invalid */
export function parseProcess(text: string): RuntimeProcess {
  const refuse = (why: string, cause?: unknown): never => {
    throw new EngineError('invalid', `cannot read the process: ${why}`, { cause });
  };
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    return refuse(messageOf(cause), cause);
  }
  if (typeof document !== 'object' || document === null) return refuse('the document is no object');
  const { args, cwd, user } = document as Partial<Record<keyof RuntimeProcess, unknown>>;
  if (!Array.isArray(args) || args.length === 0 || args.some((word) => typeof word !== 'string')) {
    return refuse('"args" must be a list of words and not empty');
  }
  if (typeof cwd !== 'string' || !cwd.startsWith('/')) return refuse('"cwd" must be an absolute path');
  const noUser = { uid: 0, gid: 0 };
  if (user !== undefined && (typeof user !== 'object' || user === null)) return refuse('"user" is no object');
  return { ...document, user: { ...noUser, ...user } } as RuntimeProcess;
}

/** Works out the process of an exec from that of its container. */
export function composeExecProcess(spec: RuntimeSpec, request: ExecRequest): ExecProcess {
  return request.kind === 'flags' ? composeFromFlags(spec, request) : composeFromDocument(spec, request.process);
}

function composeFromFlags(
  { process, linux }: RuntimeSpec,
  request: Extract<ExecRequest, { kind: 'flags' }>,
): ExecProcess {
  const own = process?.capabilities ?? {};
  const added = request.capabilities;
  const { uid = 0, gid = 0 } = process?.user ?? {};
  return {
    args: request.args,
    env: [...(process?.env ?? []), ...request.env],
    cwd: request.cwd ?? process?.cwd ?? '/',
    user: { spec: request.user ?? `${uid}:${gid}`, groups: request.groups },
    terminal: request.terminal,
    capabilities: {
      ...own,
      bounding: [...(own.bounding ?? []), ...added],
      effective: [...(own.effective ?? []), ...added],
      permitted: [...(own.permitted ?? []), ...added],
    },
    seccomp: linux?.seccomp,
    noNewPrivileges: request.noNewPrivileges || process?.noNewPrivileges === true,
    rlimits: process?.rlimits ?? [],
    ...(process?.oomScoreAdj === undefined ? {} : { oomScoreAdj: process.oomScoreAdj }),
    ...labels(request.apparmor ?? process?.apparmorProfile, request.label ?? process?.selinuxLabel),
    createWorkingDir: false,
  };
}

/** The document says all, save what only the container has: its filter, and capabilities when it names none. */
function composeFromDocument({ process: own, linux }: RuntimeSpec, process: RuntimeProcess): ExecProcess {
  const { uid, gid, umask, additionalGids = [] } = process.user;
  const { height: rows = 0, width: columns = 0 } = process.consoleSize ?? {};
  return {
    args: process.args ?? [],
    env: process.env ?? [],
    cwd: process.cwd,
    user: { spec: `${uid}:${gid}`, groups: additionalGids.map(String) },
    ...(umask === undefined ? {} : { umask }),
    terminal: process.terminal === true,
    consoleSize: { rows, columns },
    capabilities: process.capabilities ?? own?.capabilities ?? {},
    seccomp: linux?.seccomp,
    noNewPrivileges: process.noNewPrivileges === true,
    rlimits: process.rlimits ?? [],
    ...(process.oomScoreAdj === undefined ? {} : { oomScoreAdj: process.oomScoreAdj }),
    ...labels(process.apparmorProfile, process.selinuxLabel),
    createWorkingDir: false,
  };
}

const labels = (
  apparmorProfile: string | undefined,
  selinuxLabel: string | undefined,
): Pick<ExecProcess, 'apparmorProfile' | 'selinuxLabel'> => ({
  ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
  ...(selinuxLabel === undefined ? {} : { selinuxLabel }),
});
