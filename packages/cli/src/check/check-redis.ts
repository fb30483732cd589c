import type { RedisConfig } from '@gopush/contract';
import { createRedisClient, explainRedisError, followProblems, type RedisClient } from '@gopush/store';
import type { Finding } from './finding.ts';

/** How long Redis may take to reply, in milliseconds. */
const redisTimeoutMs = 3_000;

/** Checks that Redis supports what push-servers need. */
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
    return { what, state: 'ok', detail: 'answers' };
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

/** Rejects without a reason if the work takes too long. */
async function within(work: Promise<void>): Promise<void> {
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    deadline = setTimeout(reject, redisTimeoutMs);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(deadline));
}
