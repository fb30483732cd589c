import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { readTemplate } from './templates.ts';

/** The hooks that can be made. */
export const hookNames = ['agent', 'onupgrade', 'router', 'server'] as const;

/** The language of a hook file, by its extension. */
export type Language = 'js' | 'mjs' | 'ts';

/** What making a hook file needs. */
export interface AddHookOptions {
  readonly dir: string;
  readonly hook: (typeof hookNames)[number];
  readonly environment: string;
  readonly language: Language;
  readonly put: (path: string, text: string) => Promise<void>;
}

/**
 * Makes a hook file from its template. The templates need no type annotations, so one text serves all languages.
 *
 * Environments besides `local` get the template of `production`, which believes nobody.
 */
export async function addHook({ dir, hook, environment, language, put }: AddHookOptions): Promise<string> {
  // A new hooks/ beside the hook/ of gopush 0.1 would hide it.
  const folder = existsSync(join(dir, 'hook')) && !existsSync(join(dir, 'hooks')) ? 'hook' : 'hooks';
  const stem = `${hook}.${environment}`;
  const entries = await readdir(join(dir, folder)).catch(() => []);
  // In another language it is there as well: only one of the two may be.
  const there = entries.find((entry) => /^\.[cm]?[jt]s$/.test(extname(entry)) && entry === stem + extname(entry));
  const path = join(dir, folder, there ?? `${stem}.${language}`);
  await put(path, await readTemplate(`hooks/${hook}.${environment === 'local' ? 'local' : 'production'}.ts`));
  return path;
}
