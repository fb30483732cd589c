import { loadProject, type ProjectOptions } from '../project.ts';

/** `gopush config`: prints the effective settings, including overrides by the environment, without secrets. */
export async function config(options: ProjectOptions): Promise<void> {
  const project = await loadProject(options);
  const hidden = (key: string, value: unknown): unknown => (isSecret(key, value) ? '(hidden)' : value);
  process.stdout.write(`${JSON.stringify(project.config, hidden, 2)}\n`);
}

function isSecret(key: string, value: unknown): boolean {
  // `key` and `secret` stand in the lists of API keys and webhooks.
  if (key === 'key' || key === 'secret') return typeof value === 'string';
  return /password$/i.test(key) || (key === 'secrets' && Array.isArray(value) && value.length > 0);
}
