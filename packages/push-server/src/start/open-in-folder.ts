import { FolderError } from '@gopush/service';
import { StoreError } from '@gopush/store';

/**
 * Opens what is in a folder of the settings.
 *
 * @param setting - the one that names the folder
 * @throws FolderError if the folder cannot be used
 */
export async function openInFolder<T>(setting: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof StoreError) && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
    const { message } = error as Error;
    throw new FolderError(`${setting}: ${message}: fix that, or change ${setting}`, { cause: error });
  }
}
