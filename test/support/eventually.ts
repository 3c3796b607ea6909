import { watch } from 'node:fs';

/** Looks again at every change in `folder` until `condition` holds. */
export async function eventually(what: string, condition: () => boolean, folder: string, ms = 60_000): Promise<void> {
  if (condition()) return;
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      try {
        if (!condition()) return;
        stop();
        resolve();
      } catch (error) {
        stop();
        reject(error as Error);
      }
    };
    const watcher = watch(folder, look);
    // A change that came before the watcher stood, and file systems that tell nothing.
    const again = setInterval(look, 250);
    const deadline = setTimeout(() => {
      stop();
      reject(new Error(`not within ${ms} ms: ${what}`));
    }, ms);
    const stop = () => {
      watcher.close();
      clearInterval(again);
      clearTimeout(deadline);
    };
    look();
  });
}
