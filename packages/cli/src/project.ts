import { access, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type Config, environmentName, formatConfigProblems, parseConfig } from '@gopush/contract';
import { secretsFile } from 'gopush-create/names';
import { CommandError } from './command-error.ts';

/** A project's folder with its settings for one environment. */
export interface Project {
  readonly dir: string;
  readonly environment: string;
  readonly config: Config;
  /** Warnings about the settings. */
  readonly warnings: readonly string[];
  /** Where a setting was given: file and line, or an environment variable; `undefined`: it is the default. */
  readonly originOf: (path: readonly string[]) => string | undefined;
}

/** Where a project is and which of its environments is meant. */
export interface ProjectOptions {
  readonly dir: string;
  /** As given by `--env`. */
  readonly env?: string | undefined;
}

/** The default environment of gopush 0.1 on Linux. */
const oldDefault = 'develop';

/** Whether a project of gopush 0.1 would now get other settings, since the environment is not specified. */
async function isOtherThanBefore({ dir, env }: ProjectOptions): Promise<boolean> {
  const { GOPUSH_ENV, NODE_ENV } = process.env;
  if (env || GOPUSH_ENV || NODE_ENV) return false;
  return access(join(dir, 'config', `${oldDefault}.json`)).then(
    () => true,
    () => false,
  );
}

/**
 * Reads `config/<environment>.json`, `config/secrets.<environment>.json` if it exists, and the environment variables.
 *
 * @throws CommandError with exit code 2 for anything that is wrong with them
 */
export async function loadProject({ dir, env }: ProjectOptions): Promise<Project> {
  const environment = nameEnvironment(env);
  const path = join(dir, 'config', `${environment}.json`);
  const file = relative(process.cwd(), path);
  const text = await readFile(path, 'utf8').catch(async (error: NodeJS.ErrnoException) => {
    throw new CommandError(2, await explainMissing(dir, environment, file, error));
  });
  const secretsPath = join(dir, 'config', secretsFile(environment));
  const secrets = await readFile(secretsPath, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new CommandError(
      2,
      `${relative(process.cwd(), secretsPath)}: found a file that cannot be read (${error.message})`,
    );
  });
  const parsed = parseConfig({
    file,
    text,
    secrets: secrets === undefined ? undefined : { file: relative(process.cwd(), secretsPath), text: secrets },
    variables: process.env,
  });
  if (!parsed.ok) throw new CommandError(2, formatConfigProblems(parsed.problems));
  const otherwise = `${file} is read; gopush 0.1 read config/${oldDefault}.json on Linux: set GOPUSH_ENV=${oldDefault} to use that file, or remove it`;
  const warnings = (await isOtherThanBefore({ dir, env })) ? [...parsed.warnings, otherwise] : parsed.warnings;
  return { dir, environment, config: parsed.config, warnings, originOf: parsed.originOf };
}

/**
 * The environment that is meant.
 *
 * @throws CommandError with exit code 2 for a name that is none
 */
export function nameEnvironment(asked: string | undefined): string {
  try {
    return environmentName(asked, process.env);
  } catch (error) {
    throw new CommandError(2, (error as Error).message);
  }
}

async function explainMissing(
  dir: string,
  environment: string,
  file: string,
  error: NodeJS.ErrnoException,
): Promise<string> {
  if (error.code !== 'ENOENT') return `${file}: found a file that cannot be read (${error.message}), wanted settings`;
  const files = await readdir(join(dir, 'config')).catch(() => []);
  const others = files
    .filter((name) => name.endsWith('.json') && !name.startsWith('secrets.'))
    .map((name) => name.slice(0, -'.json'.length));
  const hint =
    others.length > 0
      ? `existing environments: ${others.join(', ')} (choose one with --env or GOPUSH_ENV)${
          others.includes(oldDefault) ? `; gopush 0.1 took ${oldDefault} by itself: GOPUSH_ENV=${oldDefault}` : ''
        }`
      : 'create a project with npx gopush-create, or set its folder with --dir';
  return `${file}: found no such file, wanted the settings of environment ${environment}; ${hint}`;
}
