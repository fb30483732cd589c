import { access, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Where templates are: beside this package's code when it is installed, at the top of the workspace when it is developed. */
const places = ['../../templates/', '../../../../templates/'].map((place) => new URL(place, import.meta.url));

/** Reads a template by its path under `templates/`. */
export async function readTemplate(path: string): Promise<string> {
  for (const place of places) {
    const file = fileURLToPath(new URL(path, place));
    if (
      await access(file).then(
        () => true,
        () => false,
      )
    )
      return readFile(file, 'utf8');
  }
  throw new Error(`template ${path} is missing from this installation`);
}
