import { containerRoutes } from './containers.ts';
import { execRoutes } from './exec.ts';
import { imageRoutes } from './images.ts';
import { networkRoutes } from './networks.ts';
import { systemRoutes } from './system.ts';
import { volumeRoutes } from './volumes.ts';
import { watchingRoutes } from './watching.ts';

/** Every route that is served, by name. Of two that match a path, the earlier one wins. */
export const routes = {
  ...systemRoutes,
  ...containerRoutes,
  ...execRoutes,
  ...imageRoutes,
  ...networkRoutes,
  ...volumeRoutes,
  ...watchingRoutes,
};

export type Routes = typeof routes;
export type RouteName = keyof Routes;
