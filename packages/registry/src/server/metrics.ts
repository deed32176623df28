/** One answered request, as it is counted and logged. */
export type Served = {
  /** A route's ID; `none` when there was no such endpoint. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  /** Until the answer began; a blob's bytes go out afterwards. */
  readonly durationMs: number;
  readonly sentBytes: number;
};

/** What is read at the moment of asking. */
export type Gauges = {
  readonly requestsInFlight: number;
  readonly uploadsActive: number;
  readonly memoryBytes: number;
  readonly startedAtSeconds: number;
};

const boundsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

type Histogram = { readonly buckets: number[]; count: number; sumSeconds: number };

/** Counts what a registry does, and prints it in Prometheus' text format 0.0.4. */
export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Histogram>();
  readonly #counters = new Map<string, number>();

  observe({ route, method, status, durationMs, sentBytes }: Served): void {
    increase(this.#requests, `{method="${method}",route="${route}",status="${status}"}`, 1);
    increase(this.#counters, 'registry_sent_bytes_total', sentBytes);
    const histogram = this.#durations.get(route) ?? { buckets: boundsSeconds.map(() => 0), count: 0, sumSeconds: 0 };
    this.#durations.set(route, histogram);
    const seconds = durationMs / 1000;
    const bucket = boundsSeconds.findIndex((bound) => seconds <= bound);
    if (bucket !== -1) histogram.buckets[bucket] = (histogram.buckets[bucket] ?? 0) + 1;
    histogram.count++;
    histogram.sumSeconds += seconds;
  }

  /** @param name ends in `_total` */
  count(name: string, by: number): void {
    increase(this.#counters, name, by);
  }

  format(gauges: Gauges): string {
    const lines = ['# TYPE registry_requests_total counter'];
    for (const [labels, value] of this.#requests) lines.push(`registry_requests_total${labels} ${value}`);
    lines.push('# TYPE registry_request_duration_seconds histogram');
    for (const [route, histogram] of this.#durations) lines.push(...histogramLines(route, histogram));
    for (const [name, value] of this.#counters) lines.push(`# TYPE ${name} counter`, `${name} ${value}`);
    for (const [name, value] of gaugeRows(gauges)) lines.push(`# TYPE ${name} gauge`, `${name} ${value}`);
    return `${lines.join('\n')}\n`;
  }
}

function increase(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

function histogramLines(route: string, { buckets, count, sumSeconds }: Histogram): readonly string[] {
  const name = 'registry_request_duration_seconds';
  let below = 0;
  const lines = boundsSeconds.map((bound, index) => {
    below += buckets[index] ?? 0;
    return `${name}_bucket{route="${route}",le="${bound}"} ${below}`;
  });
  return [
    ...lines,
    `${name}_bucket{route="${route}",le="+Inf"} ${count}`,
    `${name}_sum{route="${route}"} ${sumSeconds}`,
    `${name}_count{route="${route}"} ${count}`,
  ];
}

function gaugeRows(gauges: Gauges): readonly (readonly [string, number])[] {
  return [
    ['registry_requests_in_flight', gauges.requestsInFlight],
    ['registry_uploads_active', gauges.uploadsActive],
    ['process_resident_memory_bytes', gauges.memoryBytes],
    ['process_start_time_seconds', gauges.startedAtSeconds],
  ];
}
