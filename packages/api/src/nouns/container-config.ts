import { array, bool, field, int, keySet, object, optional, record, text, words } from '../codec/codec.ts';

export const healthConfig = object({
  test: field('Test', array(text), 'omit'),
  intervalNanos: field('Interval', int, 'omit'),
  timeoutNanos: field('Timeout', int, 'omit'),
  startPeriodNanos: field('StartPeriod', int, 'omit'),
  startIntervalNanos: field('StartInterval', int, 'omit'),
  retries: field('Retries', int, 'omit'),
});

/** Members of Docker's Config, in its order: what a container is, wherever it runs. */
export const containerConfigFields = {
  hostname: field('Hostname', text),
  domainname: field('Domainname', text),
  user: field('User', text),
  attachStdin: field('AttachStdin', bool),
  attachStdout: field('AttachStdout', bool),
  attachStderr: field('AttachStderr', bool),
  exposedPorts: field('ExposedPorts', keySet, 'omit'),
  tty: field('Tty', bool),
  openStdin: field('OpenStdin', bool),
  stdinOnce: field('StdinOnce', bool),
  env: field('Env', array(text), 'null'),
  cmd: field('Cmd', optional(words)),
  healthcheck: field('Healthcheck', optional(healthConfig), 'omit'),
  argsEscaped: field('ArgsEscaped', bool, 'omit'),
  image: field('Image', text),
  volumes: field('Volumes', keySet, 'null'),
  workingDir: field('WorkingDir', text),
  entrypoint: field('Entrypoint', optional(words)),
  networkDisabled: field('NetworkDisabled', bool, 'omit'),
  macAddress: field('MacAddress', text, 'omit'),
  onBuild: field('OnBuild', optional(array(text))),
  labels: field('Labels', record(text)),
  stopSignal: field('StopSignal', text, 'omit'),
  stopTimeoutSeconds: field('StopTimeout', optional(int), 'omit'),
  shell: field('Shell', optional(words), 'omit'),
};

export const containerConfig = object(containerConfigFields);
