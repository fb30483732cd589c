import type { ConfigProblem } from './problem.ts';
import { isLoopback } from './schema/parts.ts';

/** Settings of gopush 0.1 that were removed, and what to do instead. */
const gone: Readonly<Record<string, string>> = {
  senecaPort: 'the Seneca service was removed; back ends use the HTTP API (docs/api.md). Remove the setting',
  mongodb: 'MongoDB is no longer used; the store is Redis or a folder (pushServer.storeDir). Remove the setting',
};

/** Settings of gopush 0.1 that were renamed. */
export const renamed: Readonly<Record<string, string>> = {
  'redisAdapter.auth_pass': 'redisAdapter.password',
  'redisAdapter.pass': 'redisAdapter.password',
  'redisAdapter.key': 'redisAdapter.prefix',
};

/** Numbers that gopush 0.1 also accepted as text. */
const numbers = [
  ['agentPort'],
  ['agentWorkers'],
  ['serverPortStart'],
  ['serverWorkers'],
  ['redisAdapter', 'port'],
] as const;

/** Warnings and problems about settings of gopush 0.1. */
export interface OldKeys {
  readonly warnings: readonly string[];
  readonly problems: readonly ConfigProblem[];
}

/**
 * Removes or converts settings of gopush 0.1, with a warning or a problem for each.
 *
 * @param input - all settings; modified in place
 * @param sourceOf - returns the file and line, or the variable, of a setting
 */
export function takeOldKeys(
  input: Record<string, unknown>,
  sourceOf: (path: readonly PropertyKey[]) => string,
): OldKeys {
  const warnings: string[] = [];
  const problems: ConfigProblem[] = [];
  for (const [key, advice] of Object.entries(gone)) {
    if (!Object.hasOwn(input, key)) continue;
    delete input[key];
    warnings.push(`${sourceOf([key])}: ${key} is a setting of gopush 0.1 and is ignored: ${advice}`);
  }
  if (Object.hasOwn(input, 'serverIps')) {
    const problem = judgeServerIps(input.serverIps, sourceOf(['serverIps']));
    delete input.serverIps;
    if (typeof problem === 'string') warnings.push(problem);
    else problems.push(problem);
  }
  for (const path of numbers) {
    const [last, group] = path.length === 1 ? [path[0], input] : [path[1], input[path[0]]];
    if (typeof group !== 'object' || group === null) continue;
    const value = (group as Record<string, unknown>)[last];
    if (typeof value !== 'string' || !/^\d{1,5}$/.test(value)) continue;
    (group as Record<string, unknown>)[last] = Number(value);
    warnings.push(
      `${sourceOf(path)}: ${path.join('.')}: "${value}" is read as ${Number(value)}: write it without quotes`,
    );
  }
  return { warnings, problems };
}

/** A problem if other machines are listed: to ignore them would leave them without clients. Else a warning. */
function judgeServerIps(value: unknown, source: string): string | ConfigProblem {
  const ips = Array.isArray(value) ? value : [value];
  if (ips.every((ip) => typeof ip === 'string' && isLoopback(ip))) {
    return `${source}: serverIps is a setting of gopush 0.1 and is ignored: agents know the push-servers of their own machine. Remove the setting`;
  }
  return {
    source,
    key: 'serverIps',
    found: JSON.stringify(value).slice(0, 60),
    wanted:
      'no such setting, it was removed after gopush 0.1: write "routing": { "discover": true } with one redisAdapter for all machines, or list the push-servers in the router (docs/from-0.1.md)',
  };
}
