import type { RedisClient } from '@gopush/store';

const methods = [
  'publish',
  'spublish',
  'subscribe',
  'psubscribe',
  'ssubscribe',
  'unsubscribe',
  'punsubscribe',
  'sunsubscribe',
] as const;

/**
 * Ignores rejections of these calls of a Redis client. Adapters do not look at their promises, so each would be an unhandled rejection, by
 * which Node ends the process.
 *
 * @returns waits for the subscriptions that are under way
 */
export function ignoreRejections(client: RedisClient): () => Promise<unknown> {
  const underWay = new Set<Promise<unknown>>();
  for (const method of methods) {
    const call = (client[method] as (...args: unknown[]) => Promise<unknown>).bind(client);
    Object.assign(client, {
      [method]: (...args: unknown[]) => {
        const result = call(...args);
        result.catch(ignore);
        if (!method.endsWith('publish')) {
          underWay.add(result);
          void result.catch(ignore).then(() => underWay.delete(result));
        }
        return result;
      },
    });
  }
  return () => Promise.allSettled(underWay);
}

function ignore(): void {}
