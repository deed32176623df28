import type { RemovalPlanWire } from '@gantry/api';
import type { ContainerRemoval, ImageRemoval, NetworkRecord, VolumeRemoval } from '@gantry/engine';
import { printDeleted } from './image.ts';

const nothingGoes: RemovalPlanWire = { Containers: [], Networks: [], Volumes: [], Images: [], SpaceReclaimed: 0 };

export function printContainerPlan({ id, name, volumes, layers, reclaimedBytes }: ContainerRemoval): RemovalPlanWire {
  return {
    ...nothingGoes,
    Containers: [{ Id: id, Name: name }],
    Volumes: volumes,
    Images: layers.map((chainId) => ({ Deleted: chainId })),
    SpaceReclaimed: reclaimedBytes,
  };
}

export function printNetworkPlan({ id, name }: NetworkRecord): RemovalPlanWire {
  return { ...nothingGoes, Networks: [{ Id: id, Name: name }] };
}

export function printVolumePlan({ deleted, reclaimedBytes }: VolumeRemoval): RemovalPlanWire {
  return { ...nothingGoes, Volumes: deleted, SpaceReclaimed: reclaimedBytes };
}

export function printImagePlan({ deleted, reclaimedBytes }: ImageRemoval): RemovalPlanWire {
  return { ...nothingGoes, Images: deleted.map(printDeleted), SpaceReclaimed: reclaimedBytes };
}
