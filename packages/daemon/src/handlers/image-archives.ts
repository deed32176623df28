import { EngineError } from '@gantry/base';
import type { Engine } from '@gantry/engine';
import type { Answer } from '../http/answer.ts';
import { type AnswerOf, type CallOf, type HandlersOf, idOf } from '../http/call.ts';
import { printFailure } from '../print/progress.ts';
import { progressLines } from './progress-lines.ts';
import { parseWirePlatforms } from './wire-platform.ts';

/** Images out to archives and in from them. */
export function imageArchiveHandlers(engine: Engine): HandlersOf<'imageLoad' | 'imageSave' | 'imageSaveOne'> {
  const save = (
    names: readonly string[],
    { query, signal }: CallOf<'imageSave' | 'imageSaveOne'>,
  ): Extract<Answer<undefined>, { kind: 'bytes' }> => {
    if (names.length === 0) throw new EngineError('invalid', 'no image specified');
    const chunks = engine.images.save(names, parseWirePlatforms(query.platform), signal);
    return { kind: 'bytes', contentType: 'application/x-tar', chunks };
  };
  return {
    imageSave: (call) => save(call.query.names, call),
    imageSaveOne: (call) => save([idOf(call)], call),
    imageLoad: (call) => loadImages(engine, call),
  };
}

function loadImages(engine: Engine, call: CallOf<'imageLoad'>): AnswerOf<'imageLoad'> {
  const { quiet } = call.query;
  const request = { archive: call.archive, platform: parseWirePlatforms(call.query.platform) };
  const lines = progressLines(async (report, signal) => {
    const loaded = await engine.images.load(request, quiet ? () => undefined : report, signal);
    return loaded.map((name) => ({
      stream: name.startsWith('sha256:') ? `Loaded image ID: ${name}\n` : `Loaded image: ${name}\n`,
    }));
  }, call.signal);
  return { kind: 'lines', headers: 'now', lines, failure: printFailure };
}
