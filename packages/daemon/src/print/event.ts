import type { EventWire } from '@gantry/api';
import type { EngineEvent } from '@gantry/engine';

/** One event. Containers and images carry the members of Docker's first event format too; old clients read those. */
export function printEvent(event: EngineEvent): EventWire {
  const { type, action, actorId, attributes, timeNanos } = event;
  const isOldKind = type === 'container' || type === 'image';
  const image = attributes.image ?? '';
  return {
    ...(isOldKind ? { status: action } : {}),
    ...(isOldKind && actorId !== '' ? { id: actorId } : {}),
    ...(type === 'container' && image !== '' ? { from: image } : {}),
    Type: type,
    Action: action,
    Actor: { ID: actorId, Attributes: attributes },
    scope: 'local',
    time: Number(timeNanos / 1_000_000_000n),
    timeNano: timeNanos,
  };
}
