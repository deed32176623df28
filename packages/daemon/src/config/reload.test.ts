import { expect, test } from 'bun:test';
import { settleConfig } from './config.ts';
import { reloadAttributes, reloadConfig } from './reload.ts';

const settled = (given: Readonly<Record<string, readonly string[]>>) => settleConfig(new Map(Object.entries(given)));

test('a reload takes up what can change, keeps the rest, and names what waits', () => {
  const current = settled({ label: ['a=1'], 'data-root': ['/a'], bip: ['10.0.0.1/8'] });
  const fresh = settled({ label: ['b=2'], debug: ['true'], 'data-root': ['/b'], host: ['unix:///x'] });
  const { config, waiting } = reloadConfig(current, fresh);
  expect(config).toEqual({ ...current, labels: ['b=2'], debug: true, logLevel: 'debug' });
  expect(waiting).toEqual(['hosts', 'data-root', 'bip']);
});

test('the reload event has Docker’s attributes', () => {
  const config = settled({ label: ['a=b'], 'insecure-registry': ['127.0.0.1:5000'], 'shutdown-timeout': ['3'] });
  expect(reloadAttributes(config, 'host')).toEqual({
    debug: 'false',
    'default-runtime': 'runc',
    'default-shm-size': '67108864',
    'insecure-registries': '["127.0.0.1:5000"]',
    labels: '["a=b"]',
    'live-restore': 'true',
    name: 'host',
    'registry-mirrors': '[]',
    'shutdown-timeout': '3',
  });
});
