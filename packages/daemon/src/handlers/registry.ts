import type { Filters } from '@gantry/api';
import { EngineError, isEngineError } from '@gantry/base';
import type { Engine, SearchResult } from '@gantry/engine';
import { documentOf } from '../http/answer.ts';
import { type HandlersOf, idOf } from '../http/call.ts';
import { HttpError } from '../http/http-error.ts';
import { hintInText } from './hint-in-text.ts';
import { parseRegistryAuth } from './registry-auth.ts';

type Names = 'auth' | 'imageSearch' | 'distributionInspect';

const maximumResults = 100;
const usualResults = 25;

/** What asks a registry and changes nothing here. */
export function registryHandlers(engine: Engine): HandlersOf<Names> {
  const { images } = engine;
  return {
    auth: async ({ body, signal }) => {
      try {
        const identityToken = await images.logIn(body, signal);
        return documentOf({ Status: 'Login Succeeded', IdentityToken: identityToken ?? '' });
      } catch (error) {
        // Clients ask for name and password again at exactly this status.
        if (isEngineError(error, 'denied')) throw new HttpError(401, error.message);
        throw error;
      }
    },
    imageSearch: async ({ query, headers, signal }) => {
      const limit = query.limit ?? usualResults;
      if (limit < 1 || limit > maximumResults)
        throw new EngineError('invalid', `limit ${limit} is outside the range of [1, ${maximumResults}]`);
      const accept = searchFilter(query.filters);
      const auth = parseRegistryAuth(headers.get('x-registry-auth'));
      const results = await images.search({ term: query.term, limit, auth }, signal).catch((error: unknown) => {
        throw hintInText(error);
      });
      return documentOf(
        results.filter(accept).map(({ name, description, stars, isOfficial }) => ({
          star_count: stars,
          is_official: isOfficial,
          name,
          is_automated: false,
          description,
        })),
      );
    },
    distributionInspect: async (call) => {
      const auth = parseRegistryAuth(call.headers.get('x-registry-auth'));
      const { descriptor, platforms } = await images.inspectRemote({ reference: idOf(call), auth }, call.signal);
      const { mediaType, digest, sizeBytes } = descriptor;
      return documentOf({
        Descriptor: { mediaType, digest, size: sizeBytes },
        Platforms: platforms.map(({ architecture, os, variant }) => ({
          architecture,
          os,
          ...(variant !== '' && { variant }),
        })),
      });
    },
  };
}

/** @throws invalid with Docker's texts */
function searchFilter(filters: Filters): (result: SearchResult) => boolean {
  const tests = [...filters].map(([name, values]): ((result: SearchResult) => boolean) => {
    switch (name) {
      case 'is-official': {
        const wanted = readBool(name, values);
        return ({ isOfficial }) => isOfficial === wanted;
      }
      case 'is-automated': {
        const wanted = readBool(name, values);
        return () => !wanted;
      }
      case 'stars': {
        const bad = values.find((value) => !/^\d+$/.test(value));
        if (bad !== undefined) throw new EngineError('invalid', `invalid filter 'stars=${bad}'`);
        const wanted = Math.max(0, ...values.map(Number));
        return ({ stars }) => stars >= wanted;
      }
      default:
        throw new EngineError('invalid', `invalid filter '${name}'`);
    }
  });
  return (result) => tests.every((test) => test(result));
}

function readBool(name: string, values: readonly string[]): boolean {
  const [value = ''] = values;
  if (/^(true|1)$/.test(value)) return true;
  if (/^(false|0)$/.test(value)) return false;
  throw new EngineError('invalid', `invalid filter '${name}=[${values.join(' ')}]'`);
}
