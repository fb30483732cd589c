import type { ConfigProblem } from './problem.ts';
import { isLoopback } from './schema.ts';

/** Settings of gopush 0.1 that mean nothing any more, and what to do instead. */
const gone: Readonly<Record<string, string>> = {
  senecaPort: 'there is no Seneca service any more: back ends ask the HTTP API (docs/api.md). Remove it',
  mongodb: 'MongoDB is not used any more: what is kept is in Redis, or in a folder (pushServer.storeDir). Remove it',
};

/** Settings of gopush 0.1 that are called otherwise now. */
export const renamed: Readonly<Record<string, string>> = {
  'redisAdapter.auth_pass': 'redisAdapter.password',
  'redisAdapter.pass': 'redisAdapter.password',
  'redisAdapter.key': 'redisAdapter.prefix',
};

/** Numbers that files of gopush 0.1 may have as text, which it took as they were. */
const numbers = [
  ['agentPort'],
  ['agentWorkers'],
  ['serverPortStart'],
  ['serverWorkers'],
  ['redisAdapter', 'port'],
] as const;

/** What is said of settings of gopush 0.1. */
export interface OldKeys {
  readonly warnings: readonly string[];
  readonly problems: readonly ConfigProblem[];
}

/**
 * Takes settings of gopush 0.1 out of others, or to what they are now, each with a word about it.
 *
 * @param input - all settings, which are changed
 * @param sourceOf - says where a setting stands
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
    warnings.push(`${sourceOf([key])}: ${key} is a setting of gopush 0.1, and is ignored: ${advice}`);
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
      `${sourceOf(path)}: ${path.join('.')}: "${value}" is taken as ${Number(value)}: write it without quotes`,
    );
  }
  return { warnings, problems };
}

/** Machines that are left out would have no clients any more: they are no matter of a warning. */
function judgeServerIps(value: unknown, source: string): string | ConfigProblem {
  const ips = Array.isArray(value) ? value : [value];
  if (ips.every((ip) => typeof ip === 'string' && isLoopback(ip))) {
    return `${source}: serverIps is a setting of gopush 0.1, and is ignored: agents know the push-servers of their own machine. Remove it`;
  }
  return {
    source,
    key: 'serverIps',
    found: JSON.stringify(value).slice(0, 60),
    wanted:
      'none, as it is a setting of gopush 0.1: write "routing": { "discover": true } with one redisAdapter for all machines, or list the push-servers in the router (docs/from-0.1.md)',
  };
}
