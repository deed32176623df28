/** What a registry asks for in `WWW-Authenticate`. */
export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service: string; readonly scope: string };

/**
 * Parses the challenges of a header and picks the best: bearer before basic.
 *
 * Spec: RFC 9110 section 11.6.1; the `distribution` token specification for the parameters.
 */
export function parseChallenge(header: string): Challenge | undefined {
  const text = header.slice(0, 8192);
  const bearer = /(?:^|,)\s*bearer\s+/i.exec(text);
  if (bearer !== null) {
    const parameters = parseParameters(text.slice(bearer.index + bearer[0].length));
    const realm = parameters.get('realm') ?? '';
    if (realm !== '') {
      return {
        scheme: 'bearer',
        realm,
        service: parameters.get('service') ?? '',
        scope: parameters.get('scope') ?? '',
      };
    }
  }
  return /(?:^|,)\s*basic(?:\s|$|,)/i.test(text) ? { scheme: 'basic' } : undefined;
}

/** Reads `key="value", …` up to whatever is no parameter, such as the next scheme. */
function parseParameters(text: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  const grammar = /\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)/y;
  for (;;) {
    const match = grammar.exec(text);
    if (match?.[1] === undefined) return parameters;
    const value = match[2] === undefined ? (match[3] ?? '') : match[2].replace(/\\(.)/g, '$1');
    parameters.set(match[1].toLowerCase(), value);
  }
}
