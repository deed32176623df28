import { array, bool, field, int, object, oneOf, optional, record, text } from '../codec/codec.ts';

const bindOptions = object({
  propagation: field('Propagation', text, 'omit'),
  nonRecursive: field('NonRecursive', bool, 'omit'),
  createMountpoint: field('CreateMountpoint', bool, 'omit'),
  readOnlyNonRecursive: field('ReadOnlyNonRecursive', bool, 'omit'),
  readOnlyForceRecursive: field('ReadOnlyForceRecursive', bool, 'omit'),
});

const volumeOptions = object({
  noCopy: field('NoCopy', bool, 'omit'),
  labels: field('Labels', record(text), 'omit'),
  driver: field(
    'DriverConfig',
    optional(object({ name: field('Name', text, 'omit'), options: field('Options', record(text), 'omit') })),
    'omit',
  ),
  subpath: field('Subpath', text, 'omit'),
});

const tmpfsOptions = object({
  sizeBytes: field('SizeBytes', int, 'omit'),
  mode: field('Mode', int, 'omit'),
  options: field('Options', array(array(text)), 'omit'),
});

const mountTypes = ['bind', 'volume', 'tmpfs', 'image', 'npipe', 'cluster'] as const;

export const mountSpec = object({
  type: field(
    'Type',
    oneOf(mountTypes, (got) => `invalid mount config for type "${got}": mount type unknown`),
  ),
  source: field('Source', text, 'omit'),
  target: field('Target', text, 'omit'),
  readOnly: field('ReadOnly', bool, 'omit'),
  consistency: field('Consistency', text, 'omit'),
  bindOptions: field('BindOptions', optional(bindOptions), 'omit'),
  volumeOptions: field('VolumeOptions', optional(volumeOptions), 'omit'),
  tmpfsOptions: field('TmpfsOptions', optional(tmpfsOptions), 'omit'),
  imageOptions: field('ImageOptions', optional(object({ subpath: field('Subpath', text, 'omit') })), 'omit'),
});
