import { checkIntegers, checkNames } from '../bounds.ts';
import type { SessionStore } from '../sessions.ts';
import type { Connection } from './connection.ts';

/** @param checkSpace - throws if not even a session may be saved for lack of space */
export function createSessions(connection: Connection, checkSpace: () => void): SessionStore {
  const scripts = {
    // The deletion first: a session is saved although Redis is full, see script-memory.ts.
    save: connection.script(
      'session_save',
      1,
      `redis.call('DEL', KEYS[1]) redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])`,
    ),
    saveOver: connection.script(
      'session_save_over',
      1,
      `local found = redis.call('GET', KEYS[1])
      if found and found ~= ARGV[3] then return 0 end
      redis.call('DEL', KEYS[1])
      redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
      return 1`,
    ),
    take: connection.script(
      'session_take',
      1,
      `local found = redis.call('GET', KEYS[1]) redis.call('DEL', KEYS[1]) return found`,
    ),
    read: connection.script('session_read', 1, `return redis.call('GET', KEYS[1])`),
    remove: connection.script('session_remove', 1, `redis.call('DEL', KEYS[1])`),
  };
  const keys = (key: string): [string] => {
    checkNames(key);
    return [connection.key('s', key)];
  };
  const saveAll: SessionStore['saveAll'] = async (entries, ttlMs, before) => {
    checkIntegers(1, { ttlMs });
    checkSpace();
    // One script each: their keys are in different slots of a cluster.
    await Promise.all(entries.map(({ key, payload }) => scripts.save(keys(key), payload, ttlMs)));
    // What cannot be removed expires.
    if (before !== undefined) await scripts.remove(keys(before)).catch(() => {});
  };
  return {
    save: (key, payload, ttlMs) => saveAll([{ key, payload }], ttlMs),
    saveAll,
    async saveOver(key, payload, ttlMs, held) {
      checkIntegers(1, { ttlMs });
      checkSpace();
      return (await scripts.saveOver(keys(key), payload, ttlMs, held)) === 1;
    },
    async take(key) {
      const found = await scripts.take(keys(key)).catch(() => scripts.read(keys(key)));
      return (found as Buffer | null) ?? undefined;
    },
    async read(key) {
      return ((await scripts.read(keys(key))) as Buffer | null) ?? undefined;
    },
    async remove(key) {
      await scripts.remove(keys(key));
    },
  };
}
