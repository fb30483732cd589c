import { join } from 'node:path';
import { CreateError } from './create-error.ts';
import { listHooks } from './existing-hooks.ts';
import type { HookName } from './names.ts';
import { readTemplate } from './templates.ts';

/** The language of a hook file, by its extension. */
export type Language = 'js' | 'mjs' | 'ts';

/** Options for creating a hook file. */
export interface AddHookOptions {
  readonly dir: string;
  readonly hook: HookName;
  readonly environment: string;
  readonly language: Language;
  readonly put: (path: string, text: string) => Promise<void>;
}

/**
 * Creates a hook file from its template. The templates need no type annotations, so one text serves all languages.
 *
 * Environments besides `local` get the template of `production`, which trusts no client.
 *
 * @throws CreateError if there is a file for all environments: the new one would silently override it
 */
export async function addHook({ dir, hook, environment, language, put }: AddHookOptions): Promise<string> {
  const hooks = listHooks(dir);
  const there = hooks.find(hook, environment);
  if (there?.isGeneral) {
    const own = `${hook}.${environment}.*`;
    throw new CreateError(
      1,
      `${join(dir, there.file)} exists already and serves environment ${environment}; ${own} would replace it: edit it, or rename it first`,
    );
  }
  // The hook may exist in another language: only one of the two is allowed.
  const path = join(dir, there?.file ?? join(hooks.folder, `${hook}.${environment}.${language}`));
  await put(path, await readTemplate(`hooks/${hook}.${environment === 'local' ? 'local' : 'production'}.ts`));
  return path;
}
