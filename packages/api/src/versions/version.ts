import { EngineError } from '@gantry/base';

/** The oldest and the newest version of the API that is spoken. */
export const minApiVersion = '1.24';
export const maxApiVersion = '1.51';

/** Orders two versions; negative when `left` is older. */
export function compareVersions(left: string, right: string): number {
  const [leftMajor = 0, leftMinor = 0] = left.split('.').map(Number);
  const [rightMajor = 0, rightMinor = 0] = right.split('.').map(Number);
  return leftMajor - rightMajor || leftMinor - rightMinor;
}

export function isOlder(version: string, than: string): boolean {
  return compareVersions(version, than) < 0;
}

/** A path with its `/v1.NN` prefix taken off. A prefix that is no version leaves a path that no route has. */
export function splitVersion(path: string): { version: string; path: string } {
  const match = /^\/v(\d+\.\d+)(\/.*)$/.exec(path);
  if (match?.[1] === undefined || match[2] === undefined) return { version: maxApiVersion, path };
  return { version: match[1], path: match[2] };
}

/** @throws invalid with Docker's text when the version is out of range */
export function checkVersion(version: string): void {
  if (isOlder(version, minApiVersion)) {
    throw new EngineError(
      'invalid',
      `client version ${version} is too old. Minimum supported API version is ${minApiVersion}, please upgrade your client to a newer version`,
    );
  }
  if (isOlder(maxApiVersion, version)) {
    throw new EngineError(
      'invalid',
      `client version ${version} is too new. Maximum supported API version is ${maxApiVersion}`,
    );
  }
}

const multiplexed = 'application/vnd.docker.multiplexed-stream';
const raw = 'application/vnd.docker.raw-stream';

/** What a stream of stdout and stderr is called. Clients before 1.42 know only the one name, framed or not. */
export function streamMediaType(version: string, tty: boolean): string {
  return tty || isOlder(version, '1.42') ? raw : multiplexed;
}
