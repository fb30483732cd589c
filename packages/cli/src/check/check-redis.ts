import type { RedisConfig } from '@gopush/contract';
import { createRedisClient, explainRedisError, followProblems, type RedisClient } from '@gopush/store';
import type { Finding } from './finding.ts';

/** How long Redis may take to reply, in milliseconds. */
const redisTimeoutMs = 3_000;

/** Checks that Redis supports what push-servers need, and has a bound. */
export async function checkRedis(config: RedisConfig): Promise<Finding> {
  const what = 'Redis';
  let client: RedisClient;
  try {
    client = createRedisClient(config, 0);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { what, state: 'wrong', detail: error.message };
  }
  const problem = followProblems(client);
  try {
    await within(tryRedis(client, config.prefix));
    const risk = await within(readRisk(client));
    return risk === undefined ? { what, state: 'ok', detail: 'answers' } : { what, state: 'warning', detail: risk };
  } catch (error) {
    const detail = problem() ?? (error instanceof Error ? explainRedisError(error) : undefined);
    return { what, state: 'wrong', detail: detail ?? `no response within ${redisTimeoutMs} ms` };
  } finally {
    client.disconnect();
  }
}

/** Runs the commands of push-servers. A reply to PING alone does not prove the permissions, or that the server is the master. */
async function tryRedis(client: RedisClient, prefix: string): Promise<void> {
  await client.ping();
  await client.set(`${prefix}:check`, '1', 'PX', redisTimeoutMs);
  await client.publish(`${prefix}:bus:check`, '');
}

/** What is dangerous about the memory of Redis; `undefined`: nothing, or it does not tell. */
async function readRisk(client: RedisClient): Promise<string | undefined> {
  const info = await client.info('memory').catch(() => '');
  if (/^maxmemory:0\r?$/m.test(info)) {
    return 'it has no maxmemory: messages of clients may take all memory of its machine; set maxmemory, and maxmemory-policy noeviction';
  }
  const [, policy] = /^maxmemory_policy:([\w-]+)/m.exec(info) ?? [];
  if (policy === undefined || policy === 'noeviction') return undefined;
  return `its maxmemory-policy ${policy} removes sessions and presence without notice when it is full; set noeviction`;
}

/** Rejects without a reason if the work takes too long. */
async function within<T>(work: Promise<T>): Promise<T> {
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    deadline = setTimeout(reject, redisTimeoutMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(deadline));
}
