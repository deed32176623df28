import { expect, test } from 'bun:test';
import type {
  containerConfig,
  createBody,
  endpointConfig,
  hostConfig,
  mountSpec,
  resources,
  ValueOf,
} from '@gantry/api';
import type { ContainerConfig, CreateRequest, EndpointConfig, HostConfig, MountSpec, Resources } from '@gantry/engine';

/**
 * The codecs' values are the engine's nouns, member for member. The two packages may not import each other, so the
 * daemon, which knows both, is where a difference stops the build.
 */
type Same<Left, Right> = [Left] extends [Right]
  ? [Right] extends [Left]
    ? true
    : 'engine has more'
  : 'codec has more';
type AllTrue<Checks extends readonly true[]> = Checks;

type Contract = AllTrue<
  [
    Same<ValueOf<typeof containerConfig>, ContainerConfig>,
    Same<ValueOf<typeof hostConfig>, HostConfig>,
    Same<ValueOf<typeof resources>, Resources>,
    Same<ValueOf<typeof mountSpec>, MountSpec>,
    Same<ValueOf<typeof endpointConfig>, EndpointConfig>,
    Same<ValueOf<typeof createBody>, Pick<CreateRequest, 'config' | 'hostConfig' | 'endpoints'>>,
  ]
>;

test('every codec gives exactly the engine’s noun, checked by the compiler', () => {
  const contract: Contract = [true, true, true, true, true, true];
  expect(contract).not.toContain(false);
});
