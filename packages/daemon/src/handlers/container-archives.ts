import { EngineError } from '@gantry/base';
import type { ContainerChange, Engine } from '@gantry/engine';
import { documentOf } from '../http/answer.ts';
import { type HandlersOf, idOf } from '../http/call.ts';
import { pathStatHeader } from '../print/path-stat.ts';

type Names =
  | 'containerChanges'
  | 'containerExport'
  | 'containerArchiveStat'
  | 'containerArchiveRead'
  | 'containerArchiveWrite'
  | 'containerCommit';

const kinds: Readonly<Record<ContainerChange['kind'], 0 | 1 | 2>> = { modified: 0, added: 1, deleted: 2 };

/** Files and images that go out of a container, and files that go in. */
export function containerArchiveHandlers({ containers }: Engine): HandlersOf<Names> {
  return {
    containerChanges: async (call) => {
      const changes = await containers.changes(idOf(call));
      return documentOf(
        changes.length === 0 ? null : changes.map(({ path, kind }) => ({ Path: path, Kind: kinds[kind] })),
      );
    },
    containerExport: async (call) => {
      const chunks = await containers.export(idOf(call), call.signal);
      return { kind: 'bytes', contentType: 'application/octet-stream', chunks };
    },
    containerArchiveStat: async (call) => {
      const stat = await containers.statPath(idOf(call), checkedPath(call.query.path));
      return { kind: 'text', body: '', headers: pathStatHeader(stat) };
    },
    containerArchiveRead: async (call) => {
      const { stat, chunks } = await containers.readArchive(idOf(call), checkedPath(call.query.path), call.signal);
      return { kind: 'bytes', contentType: 'application/x-tar', headers: pathStatHeader(stat), chunks };
    },
    containerArchiveWrite: async (call) => {
      const { path, ...options } = call.query;
      await containers.writeArchive(idOf(call), { ...options, path: checkedPath(path), archive: call.archive });
      return { kind: 'nothing', status: 200 };
    },
    containerCommit: async (call) => {
      const { container, repo, tag, ...request } = call.query;
      const reference = repo === '' || tag === '' ? repo : `${repo}:${tag}`;
      return documentOf({
        Id: await containers.commit(container, { ...request, config: call.body, reference }, call.signal),
      });
    },
  };
}

/** Docker's text, to the letter. */
function checkedPath(path: string): string {
  if (path === '') throw new EngineError('invalid', 'bad parameter: pathcannot be empty');
  return path;
}
