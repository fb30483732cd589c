import { readTemplate } from './templates.ts';

/**
 * The file by which pm2 runs both tiers. pm2 knows processes by their names alone, whatever project they are of.
 *
 * @param name - the project's name in its package.json; of `@scope/name` both parts count
 */
export async function ecosystem(name: string): Promise<string> {
  const text = await readTemplate('project/ecosystem.config.cjs');
  return text.replace('{name}', name.replace(/^@/, '').replaceAll('/', '-'));
}
