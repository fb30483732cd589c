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

/**
 * `gopush config`: prints the effective settings, a line each, with where they were given: a file and its line, an environment variable, or
 * `default`. Secrets are hidden.
 *
 * @param json - prints `{ settings, origins }` instead, the origins by path and without defaults
 */
export async function config({
  json = false,
  ...options
}: ProjectOptions & { readonly json?: boolean }): Promise<void> {
  const project = await loadProject(options);
  const settings = [...listSettings(project.config, [], (path) => project.originOf(path) ?? byDefault)];
  const { stdout } = process;
  if (json) {
    const given = settings.filter(({ origin }) => origin !== byDefault);
    const origins = Object.fromEntries(given.map(({ path, origin }) => [path.join('.'), origin]));
    stdout.write(`${JSON.stringify({ settings: project.config, origins }, hide, 2)}\n`);
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
