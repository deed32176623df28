import { boolFlag, type Flag } from '../../command.ts';

/** The client cannot ask the engine which registries may be insecure, so it must be told. */
export const insecureFlag: Flag = boolFlag('insecure', 'Allow plain HTTP and unknown certificates');
