import type { CallContext } from '../http/call.ts';
import { RegistryError } from '../registry-error.ts';

/** `GET /metrics`, when figures are served among the rest: where there are users, they are for users. */
export function showMetrics({ metricsText }: CallContext): Response {
  if (metricsText === undefined)
    throw new RegistryError('UNSUPPORTED', 'figures are served at another address', { status: 404 });
  return metricsResponse(metricsText());
}

/** Figures in Prometheus' text format. */
export function metricsResponse(text: string): Response {
  return new Response(text, { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } });
}
