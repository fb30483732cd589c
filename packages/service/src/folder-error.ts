/** A folder of the settings cannot be used. The message is one line that names the setting. */
export class FolderError extends Error {
  override readonly name = 'FolderError';
}
