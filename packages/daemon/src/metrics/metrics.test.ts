import { expect, test } from 'bun:test';
import { formatMetrics } from './exposition.ts';
import { createHistogram } from './histogram.ts';
import { createRequests } from './requests.ts';

test('families are printed as Prometheus reads them', () => {
  const histogram = createHistogram([0.1, 1]);
  for (const seconds of [0.05, 0.1, 0.5, 7]) histogram.observe(seconds);
  expect(
    formatMetrics([
      { name: 'a_total', help: 'What it is.', type: 'counter', samples: [{ value: 3 }] },
      { name: 'b', help: 'B.', type: 'gauge', samples: [{ labels: { os: 'a "b"\\\n' }, value: 1 }] },
      { name: 'c_seconds', help: 'C.', type: 'histogram', samples: histogram.samples({ action: 'start' }) },
    ]),
  ).toBe(
    [
      '# HELP a_total What it is.',
      '# TYPE a_total counter',
      'a_total 3',
      '# HELP b B.',
      '# TYPE b gauge',
      'b{os="a \\"b\\"\\\\\\n"} 1',
      '# HELP c_seconds C.',
      '# TYPE c_seconds histogram',
      'c_seconds_bucket{action="start",le="0.1"} 2',
      'c_seconds_bucket{action="start",le="1"} 3',
      'c_seconds_bucket{action="start",le="+Inf"} 4',
      'c_seconds_sum{action="start"} 7.65',
      'c_seconds_count{action="start"} 4',
      '',
    ].join('\n'),
  );
});

test('a request is open until its answer is out, and then counted by its status', () => {
  let time = 0;
  const requests = createRequests(() => time);
  const request = requests.begin({ method: 'GET', path: '/events' });
  time = 40;
  request.follows();
  expect(requests.open()).toEqual([{ method: 'GET', path: '/events', ageMs: 40, follows: true }]);
  request.ended(404);
  expect(requests.open()).toEqual([]);
  expect([...requests.answered]).toEqual([[4, 1]]);
});
