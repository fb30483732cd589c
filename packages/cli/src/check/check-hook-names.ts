import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { nearest } from '@gopush/contract';
import { oldHookNames } from '@gopush/hooks';
import { type HookName, hookNames } from 'gopush-create/names';
import type { Finding } from './finding.ts';

/** Hooks folders; the first one that exists is used. */
const folders = ['hooks', 'hook'];

/** Extensions of hook files, and extensions that look like hooks but are not loaded. */
const read = /\.[cm]?[jt]s$/;
const unread = /\.(?:json|jsonc|jsx|tsx|es6|coffee|txt)$/;

/** Replacements of the pages of gopush 0.1. */
const noAdmin = 'gopush has no admin page of its own; pushServer.adminUi enables that of Socket.IO';

/** Findings about a file that has the name of a hook, or a similar one. */
interface HookLike {
  readonly base: string;
  readonly environment: string | undefined;
  readonly extension: string;
}

/**
 * Looks for files that are meant as hooks and are not read: misspelt, in another folder, or for an environment that does not exist.
 *
 * @param used - files that the hooks import, which may be called as they like
 */
export async function checkHookNames(dir: string, used: readonly string[]): Promise<Finding[]> {
  const environments = await listEnvironments(dir);
  const isUsed = new Set(used);
  const entries = await listEntries(dir);
  const folder = folders.find((name) => entries.folders.includes(name)) ?? 'hooks';
  const findings: Finding[] = [];
  const tell = (path: string, problem: Problem | undefined): void => {
    if (problem === undefined || isUsed.has(join(dir, path))) return;
    const detail = `${relative(process.cwd(), join(dir, path))} is not read: ${problem.detail}`;
    findings.push({ what: 'hooks', state: problem.state, detail });
  };
  for (const place of entries.folders.filter((name) => /^hooks?$/i.test(name))) {
    const { files, folders: inner } = await listEntries(join(dir, place));
    for (const file of files) {
      const problem =
        place === folder ? findProblem(file, environments) : findMisplaced(file, environments, folder, true);
      tell(join(place, file), problem);
    }
    for (const one of inner) {
      for (const file of (await listEntries(join(dir, place, one))).files) {
        tell(join(place, one, file), findMisplaced(file, environments, folder, environments.includes(one)));
      }
    }
  }
  for (const place of ['', 'config', 'src']) {
    // Here a server.js may be anything.
    for (const file of (await listEntries(join(dir, place))).files) {
      tell(join(place, file), findMisplaced(file, environments, folder, false));
    }
  }
  return findings;
}

/** Why a file is not read. */
type Problem = Pick<Finding, 'state' | 'detail'>;

const isHookName = (name: string): name is HookName => (hookNames as readonly string[]).includes(name);

/** Why a file in the folder of the hooks is not read; `undefined`: it is, or it is no hook. */
function findProblem(file: string, environments: readonly string[]): Problem | undefined {
  const like = readName(file);
  if (like === undefined) return undefined;
  const { base, environment, extension } = like;
  const old = base.toLowerCase();
  if (Object.hasOwn(oldHookNames, old)) {
    const name = oldHookNames[old];
    return wrong(name === undefined ? `this hook was removed: ${noAdmin}` : `it was renamed to ${name}`);
  }
  const hook = nearest(base, hookNames);
  if (hook === undefined) return undefined;
  const nameFor = (of: string | undefined): string =>
    `${hook}${of === undefined ? '' : `.${of}`}${read.test(extension) ? extension : '.js'}`;
  if (environment === undefined) {
    if (file === nameFor(undefined)) return undefined;
    const detail = `did you mean ${nameFor(undefined)}?`;
    // It may be an unused helper.
    return isHookName(base) ? wrong(detail) : { state: 'warning', detail };
  }
  const meant = environments.includes(environment) ? environment : nearest(environment, environments);
  if (meant !== undefined) return file === nameFor(meant) ? undefined : wrong(`did you mean ${nameFor(meant)}?`);
  const detail = `there is no environment ${environment}: config/${environment}.json does not exist`;
  return /^(test|spec)$/.test(environment) ? undefined : { state: 'warning', detail };
}

/** Why a hook file in another folder is not read; `undefined`: it is no hook. */
function findMisplaced(
  file: string,
  environments: readonly string[],
  folder: string,
  isSure: boolean,
): Problem | undefined {
  const like = readName(file);
  if (like === undefined || !read.test(like.extension) || !isHookName(like.base)) return undefined;
  const isOfEnvironment = like.environment !== undefined && environments.includes(like.environment);
  return isSure || isOfEnvironment ? wrong(`hooks are read from ${folder}/`) : undefined;
}

function wrong(detail: string): Problem {
  return { state: 'wrong', detail };
}

/** Matches `agent.local.js`, and misspellings: `agent-local.js`, `agent_production.js`, `agent-middleware_production.js`. */
function readName(file: string): HookLike | undefined {
  const extension = (read.exec(file) ?? unread.exec(file))?.[0];
  if (extension === undefined || /\.d\.[cm]?ts$/.test(file)) return undefined;
  const stem = file.slice(0, -extension.length).replace(/\.[cm]?[jt]s$/, '');
  const [, before = stem, after] = /^(.+?)[._](.+)$/.exec(stem) ?? [];
  const base = before.replace(/-(?:local|production|development|test|staging)$/, '');
  return { base, environment: after ?? (base === before ? undefined : before.slice(base.length + 1)), extension };
}

async function listEnvironments(dir: string): Promise<string[]> {
  const { files } = await listEntries(join(dir, 'config'));
  return files.flatMap((name) => /^(?!secrets\.)(.+)\.json$/.exec(name)?.[1] ?? []);
}

async function listEntries(folder: string): Promise<{ files: string[]; folders: string[] }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = (isFolder: boolean): string[] =>
    entries.filter((entry) => entry.isDirectory() === isFolder).map((entry) => entry.name);
  return { files: names(false), folders: names(true) };
}
