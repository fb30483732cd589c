import { fileURLToPath } from 'node:url';

/**
 * What is kept of users and channels, in tables: in Redis (REDIS_URL), or in a folder of this machine, which all processes open.
 *
 * insert(table, key, value)  resolves to false if the key is there already, and changes nothing then
 * get(table, key)            resolves to undefined for none
 * remove(table, key)
 * list(table)                resolves to [key, value] of all
 * add(window, key, by, ms)   adds to a number, which is 0 in each new window, and resolves to it; ms: how long a window lasts
 */
export const store = process.env.REDIS_URL ? whenUsed(openTables) : whenUsed(openFolder);

/** Opens it at the first use: a hook has no top-level await. */
function whenUsed(open) {
  let opened;
  const call =
    (name) =>
    async (...args) => {
      opened ??= open();
      try {
        return await (await opened)[name](...args);
      } catch (error) {
        // Redis is away: the client may try again.
        throw Object.assign(error, { status: 503 });
      }
    };
  return { insert: call('insert'), get: call('get'), remove: call('remove'), list: call('list'), add: call('add') };
}

async function openTables() {
  const { openRedis } = await import('./open-redis.js');
  const redis = openRedis(process.env.REDIS_URL);
  const tableOf = (table) => `chat:${table}`;
  return {
    insert: async (table, key, value) => (await redis.hsetnx(tableOf(table), key, JSON.stringify(value))) === 1,
    async get(table, key) {
      const text = await redis.hget(tableOf(table), key);
      return text === null ? undefined : JSON.parse(text);
    },
    remove: (table, key) => redis.hdel(tableOf(table), key),
    list: async (table) =>
      Object.entries(await redis.hgetall(tableOf(table))).map(([key, text]) => [key, JSON.parse(text)]),
    async add(window, key, by, ms) {
      const name = `chat:attempts:${window}:${key}`;
      const [[error, sum]] = await redis.multi().incrby(name, by).pexpire(name, ms).exec();
      if (error) throw error;
      return sum;
    },
  };
}

async function openFolder() {
  const { open } = await import('lmdb');
  const path = process.env.CHAT_DIR || fileURLToPath(new URL('../.gopush/chat', import.meta.url));
  const db = open({ path });
  return {
    insert: (table, key, value) => db.ifNoExists([table, key], () => void db.put([table, key], value)),
    get: async (table, key) => db.get([table, key]),
    remove: (table, key) => db.remove([table, key]),
    list: async (table) =>
      db.getRange({ start: [table], end: [table, '\uffff'] }).asArray.map(({ key, value }) => [key[1], value]),
    add: (window, key, by) =>
      db.transaction(() => {
        for (const old of db.getKeys({ start: ['attempts'], end: ['attempts', window] }).asArray) db.remove(old);
        const sum = (db.get(['attempts', window, key]) ?? 0) + by;
        db.put(['attempts', window, key], sum);
        return sum;
      }),
  };
}
