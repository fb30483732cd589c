import type { Connection, Script } from './connection.ts';
import { writeWhenFull } from './script-memory.ts';
import { followClock, scriptTime } from './script-time.ts';

/*
 * `node` stands for one incarnation of a node. One sorted set holds the leases by node. Each node has two hashes that
 * contain the entries to sweep when its
 * lease expires: from sockets to uids, and from sockets with rooms to uids. Each user has a hash from nodes with sockets to when they came, and
 * the time when they were last seen. Each room has a hash from nodes with sockets to uids. A change writes to two slots, one after the other, in
 * such an order that a sweep completes it if it is interrupted. All are bounded by the number of connections, and are written although Redis is
 * full: see script-memory.ts.
 */

const beat = `${scriptTime}
local life, next, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
redis.call('ZREM', KEYS[1], '')
${followClock('KEYS[2]', 'KEYS[1]')}
local before = redis.call('ZSCORE', KEYS[1], life)
local goes = before and tonumber(before) > now
redis.call('ZADD', KEYS[1], whole(now + lease), goes and life or next)
return goes and 0 or 1
`;

const leases = `${scriptTime}
return {redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. whole(now), '+inf'), redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', whole(now))}
`;

/** Removes a node's lease, unless it was renewed. */
const endLease = `${scriptTime}
local lease = redis.call('ZSCORE', KEYS[1], ARGV[1])
if lease and tonumber(lease) <= now then redis.call('ZREM', KEYS[1], ARGV[1]) end
`;

const addUser = `
${writeWhenFull('KEYS[1]')}local first = redis.call('EXISTS', KEYS[1]) == 0
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('DEL', KEYS[2])
return first and 1 or 0
`;

/** Returns 1 if it was the last, 0 if others are left, -1 if it was not there. */
const removeUser = `${scriptTime}
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return -1 end
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if ARGV[2] ~= '0' then redis.call('SET', KEYS[2], whole(now), 'PX', ARGV[2]) end
return 1
`;

const readUser = `return {redis.call('HGETALL', KEYS[1]), redis.call('GET', KEYS[2])}`;

/**
 * A further hash counts the connections of each uid, so that first and last are known without reading the whole room. Returns 1 for the first
 * connection of a user, 2 if the room was empty as well.
 */
const addMember = `
${writeWhenFull('KEYS[1]')}local empty = redis.call('EXISTS', KEYS[1]) == 0
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
if redis.call('HINCRBY', KEYS[2], ARGV[2], 1) > 1 then return 0 end
return empty and 2 or 1
`;

/** Returns the same as `removeUser`, and 2 if the room is empty now. */
const removeMember = `
local uid = redis.call('HGET', KEYS[1], ARGV[1])
if not uid then return -1 end
redis.call('HDEL', KEYS[1], ARGV[1])
if redis.call('HINCRBY', KEYS[2], uid, -1) > 0 then return 0 end
redis.call('HDEL', KEYS[2], uid)
return redis.call('EXISTS', KEYS[1]) == 0 and 2 or 1
`;

const members = `return redis.call('HGETALL', KEYS[1])`;
/** Returns some fields of a hash in no order: the cursor to continue from, and the fields with their values. */
const page = `return redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])`;
/** Notes the user of a connection. Returns another user that it has: then nothing is written. */
const note = `${writeWhenFull('KEYS[1]')}local before = redis.call('HGET', KEYS[1], ARGV[1])
if before and before ~= ARGV[2] then return before end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return false
`;
const noted = `return redis.call('HGET', KEYS[1], ARGV[1])`;
const unnote = `redis.call('HDEL', KEYS[1], ARGV[1])`;
const count = `return {redis.call('HLEN', KEYS[1]), redis.call('HLEN', KEYS[2])}`;

/** Returns some fields of a hash. The caller removes them before it asks for the next ones. */
const some = `return redis.call('HRANDFIELD', KEYS[1], ARGV[1])`;

/** Looks at some fields of a hash. Returns the cursor to continue from, and the names that begin as wanted: see `Search` of create-search.ts. */
const search = `
local cursor, count, what, prefix = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local page = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', count)
local found, seen = {page[1]}, {}
for each = 1, #page[2], 2 do
  local field, name = page[2][each], page[2][each + 1]
  local compared = name
  if what ~= 'user' then
    name = string.sub(field, (string.find(field, '\\0', 1, true) or 0) + 1)
    compared = what == 'room' and name or field
  end
  if not seen[name] and string.sub(compared, 1, #prefix) == prefix then
    seen[name] = true
    table.insert(found, name)
  end
end
return found
`;

/** The scripts of presence, each on keys of one slot. */
export function definePresenceScripts(connection: Connection) {
  const script = (name: string, keys: number, lua: string): Script => connection.script(`presence_${name}`, keys, lua);
  return {
    beat: script('beat', 2, beat),
    leases: script('leases', 1, leases),
    endLease: script('end_lease', 1, endLease),
    addUser: script('add_user', 2, addUser),
    removeUser: script('remove_user', 2, removeUser),
    readUser: script('read_user', 2, readUser),
    addMember: script('add_member', 2, addMember),
    removeMember: script('remove_member', 2, removeMember),
    members: script('members', 1, members),
    page: script('page', 1, page),
    note: script('note', 1, note),
    noted: script('noted', 1, noted),
    unnote: script('unnote', 1, unnote),
    count: script('count', 2, count),
    some: script('some', 1, some),
    search: script('search', 1, search),
  };
}

export type PresenceScripts = ReturnType<typeof definePresenceScripts>;
