export { pickAttributes } from './attributes.ts';
export { formatDetails } from './lines.ts';
export { readLogs } from './read-logs.ts';
export { parseRotation } from './rotation.ts';
export { checkLogService, isReadable, logDrivers, settleLogConfig } from './settle-config.ts';
export { type LogShipping, openLogShipping, type ShipSource } from './shipping.ts';
export { formatTag } from './tag.ts';
