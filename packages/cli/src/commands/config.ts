import { loadProject, type ProjectOptions } from '../project.ts';
import { paintFor } from '../screen/style.ts';

/** A setting that has a value of its own. */
interface Setting {
  readonly path: readonly string[];
  readonly value: unknown;
  /** Where it was given. */
  readonly origin: string;
}

/** Where a setting was given that has the default value. */
const byDefault = 'default';

/** How the settings are printed. */
export interface ConfigOptions extends ProjectOptions {
  /** Print where each was given. @defaultValue on a terminal, unless `json` is set */
  readonly origins?: boolean;
  /** Print JSON: the settings, or with `origins` `{ settings, origins }`, the origins by path and without defaults. */
  readonly json?: boolean;
}

/**
 * `gopush config`: prints the effective settings. On a terminal a line each, with where it was given: a file and its line, an environment variable,
 * or `default`; elsewhere as JSON, which `ecosystem.config.cjs` reads. Secrets are hidden.
 */
export async function config({ json = false, origins, ...options }: ConfigOptions): Promise<void> {
  const project = await loadProject(options);
  // It tells editors about the file, and sets nothing.
  const { $schema: _, ...effective } = project.config;
  const { stdout } = process;
  if (!(origins ?? (stdout.isTTY && !json))) {
    stdout.write(`${JSON.stringify(effective, hide, 2)}\n`);
    return;
  }
  const settings = [...listSettings(effective, [], (path) => project.originOf(path) ?? byDefault)];
  if (json) {
    const given = settings.filter(({ origin }) => origin !== byDefault);
    const where = Object.fromEntries(given.map(({ path, origin }) => [path.join('.'), origin]));
    stdout.write(`${JSON.stringify({ settings: effective, origins: where }, hide, 2)}\n`);
    return;
  }
  const paint = paintFor(stdout, process.env);
  for (const { path, value, origin } of settings) {
    const shown = `${path.join('.')} = ${JSON.stringify(value, hide)}`;
    stdout.write(origin === byDefault ? `${paint(`${shown}  # ${origin}`, 'dim')}\n` : `${shown}  # ${origin}\n`);
  }
}

function* listSettings(
  value: unknown,
  path: readonly string[],
  originOf: (path: readonly string[]) => string,
): Generator<Setting> {
  const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
  if (!isGroup) {
    yield { path, value: hide(path.at(-1) ?? '', value), origin: originOf(path) };
    return;
  }
  for (const [key, inner] of Object.entries(value)) yield* listSettings(inner, [...path, key], originOf);
}

function hide(key: string, value: unknown): unknown {
  return isSecret(key, value) ? '(hidden)' : value;
}

function isSecret(key: string, value: unknown): boolean {
  // `key` and `secret` stand in the lists of API keys and webhooks.
  if (key === 'key' || key === 'secret') return typeof value === 'string';
  return /password$/i.test(key) || (key === 'secrets' && Array.isArray(value) && value.length > 0);
}
