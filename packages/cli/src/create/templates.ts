import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/**
 * Reads a template by its path under `templates/`: beside this package's code when it is installed, at the top of the workspace when
 * it is developed. There a copy made for packing may lie beside the code as well, and be old.
 */
export function readTemplate(path: string): Promise<string> {
  const inWorkspace = existsSync(new URL('../../src/', import.meta.url));
  const templates = new URL(inWorkspace ? '../../../../templates/' : '../../templates/', import.meta.url);
  return readFile(new URL(path, templates), 'utf8');
}
