/*
 * While Redis has more than `maxmemory`, it refuses a script whose first write may take memory, and runs a script to its end whose first write
 * takes none (Redis documentation, "Scripting with Lua", on memory). So the first write decides: of messages it must be one that may take memory,
 * or any client could fill Redis; of leases, presence and sessions it must be a deletion, or a full Redis would end sessions that exist.
 */

/** A write to a sorted set that changes nothing and is refused while Redis is full. Comes before any other write. @param key - in Lua */
export function refuseWhenFull(key: string): string {
  return `redis.call('ZADD', ${key}, 'XX', 0, '')\n`;
}

/** A deletion in a hash that deletes nothing: what follows is written although Redis is full. @param key - in Lua */
export function writeWhenFull(key: string): string {
  return `redis.call('HDEL', ${key}, '')\n`;
}
