import { field, mapped, object } from '../codec/codec.ts';
import { restartPolicy } from './host-config.ts';
import { resourceFields } from './resources.ts';

/** The body of a container's update: limits, and the restart policy. Zero means "leave as it is". */
export const updateBody = mapped(
  object({ ...resourceFields, restartPolicy: field('RestartPolicy', restartPolicy) }),
  ({ restartPolicy: policy, ...resources }) => ({
    resources,
    restartPolicy: policy.name === '' ? undefined : policy,
  }),
  ({ resources, restartPolicy: policy }) => ({ ...resources, restartPolicy: policy ?? restartPolicy.zero }),
);
