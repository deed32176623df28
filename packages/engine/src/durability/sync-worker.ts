import { open, openDescriptor, openFlag, syncfs } from '@gantry/native';

/** The entry of a thread that syncs one filesystem, which may take as long as the disk is slow, and says how it went. */
declare const self: Worker;

function syncDirectory(path: string): string | undefined {
  try {
    using directory = openDescriptor(open(path, openFlag.readOnly | openFlag.directory));
    syncfs(directory.fd);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

self.onmessage = (event: MessageEvent<string>) => {
  self.postMessage({ error: syncDirectory(event.data) });
};
