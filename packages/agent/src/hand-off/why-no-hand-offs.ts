import { resolve } from 'node:path';
import type { Config } from '@gopush/contract';

/**
 * Why connections cannot be handed over on this machine, with these settings; `undefined`: they can. Makes the folder if it is missing.
 *
 * @param project - folder of the project
 */
export async function whyNoHandOffs({ dir }: Config['handOff'], project: string): Promise<string | undefined> {
  // Late: most checks are of projects without hand-offs.
  const { defaultFolder, unfitFolder, whyUnavailable } = await import('@gopush/hand-off');
  return (await whyUnavailable()) ?? unfitFolder(dir === undefined ? defaultFolder() : resolve(project, dir));
}
