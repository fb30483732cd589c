import { checkIntegers, checkNames, pageBytes, rememberedIds, removalsPerCall } from '../bounds.ts';
import type { InboxStore } from '../inbox.ts';
import type { Connection } from './connection.ts';
import { refuseWhenFull } from './script-memory.ts';
import { scriptTime } from './script-time.ts';

/**
 * An inbox is a hash of s (last seq), b (bytes waiting) and x (when the last letter expires); a hash of payloads by id; sorted sets of
 * waiting ids by seq, and by expiry; a hash of times of putting; and a sorted set of acknowledged ids by expiry. They expire together.
 */
const begin = `${scriptTime}
local meta, texts, queue, expiry, times, acked = unpack(KEYS)
local function drop(id)
  local text = redis.call('HSTRLEN', texts, id)
  redis.call('HDEL', texts, id)
  redis.call('HDEL', times, id)
  redis.call('ZREM', expiry, id)
  if redis.call('ZREM', queue, id) == 1 and text > 0 then redis.call('HINCRBY', meta, 'b', -text) end
end
local function forget(most)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', expiry, '-inf', whole(now), 'LIMIT', 0, most)) do drop(id) end
  redis.call('ZREMRANGEBYSCORE', acked, '-inf', whole(now))
end
local function live(set, id)
  local expires = redis.call('ZSCORE', set, id)
  return expires and tonumber(expires) > now
end
`;

const put = `${begin}
local id, payload, ttl, count, bytes = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if live(acked, id) then return {0, '0'} end
if live(expiry, id) then return {0, whole(tonumber(redis.call('ZSCORE', queue, id)))} end
${refuseWhenFull('queue')}
forget(tonumber(ARGV[6]))
drop(id)
local have = redis.call('ZCARD', queue)
local size = tonumber(redis.call('HGET', meta, 'b') or 0)
if have + 1 > count or size + #payload > bytes then
  return redis.error_reply('INBOXFULL the inbox holds ' .. have .. ' messages of ' .. whole(size) .. ' bytes')
end
local seq = math.max(tonumber(redis.call('HGET', meta, 's') or 0) + 1, now * 1000)
local expires = now + ttl
local latest = math.max(tonumber(redis.call('HGET', meta, 'x') or 0), expires)
redis.call('HSET', meta, 's', whole(seq), 'b', whole(size + #payload), 'x', whole(latest))
redis.call('HSET', texts, id, payload)
redis.call('HSET', times, id, whole(now))
redis.call('ZADD', queue, whole(seq), id)
redis.call('ZADD', expiry, whole(expires), id)
for _, key in ipairs(KEYS) do redis.call('PEXPIREAT', key, whole(latest)) end
return {1, whole(seq)}
`;

const pending = `${begin}
local after, limit, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local found, size = {}, 0
if limit == 0 then return found end
forget(tonumber(ARGV[3]))
local from = '(' .. after
while true do
  local ids = redis.call('ZRANGEBYSCORE', queue, from, '+inf', 'WITHSCORES', 'LIMIT', 0, 100)
  for index = 1, #ids, 2 do
    local id = ids[index]
    from = '(' .. whole(tonumber(ids[index + 1]))
    local payload = live(expiry, id) and redis.call('HGET', texts, id)
    if payload then
      size = size + #payload
      if #found > 0 and size > most then return found end
      table.insert(found, {whole(tonumber(ids[index + 1])), id, redis.call('HGET', times, id), payload})
      if #found == limit then return found end
    end
  end
  if #ids < 200 then return found end
end
`;

const ack = `${begin}
local done = 0
for index = 2, #ARGV do
  local id = ARGV[index]
  if live(expiry, id) then
    local expires = redis.call('ZSCORE', expiry, id)
    drop(id)
    redis.call('ZADD', acked, whole(tonumber(expires)), id)
    done = done + 1
  end
end
redis.call('ZREMRANGEBYRANK', acked, 0, -tonumber(ARGV[1]) - 1)
local latest = redis.call('HGET', meta, 'x')
if latest then redis.call('PEXPIREAT', acked, latest) end
return done
`;

const status = `${begin}
if live(expiry, ARGV[1]) then return 'waiting' end
if live(acked, ARGV[1]) then return 'acked' end
return 'unknown'
`;

export function createInbox(connection: Connection): InboxStore {
  const scripts = {
    put: connection.script('inbox_put', 6, put),
    pending: connection.script('inbox_pending', 6, pending),
    ack: connection.script('inbox_ack', 6, ack),
    status: connection.script('inbox_status', 6, status),
  };
  const keysOf = (uid: string): string[] =>
    ['i', 'ip', 'iq', 'ix', 'it', 'ia'].map((kind) => connection.key(kind, uid));
  return {
    async put(uid, { id, payload, ttlMs }, { count, bytes }) {
      checkNames(uid, id);
      checkIntegers(1, { ttlMs, count, bytes });
      const reply = await scripts.put(keysOf(uid), id, payload, ttlMs, count, bytes, removalsPerCall);
      const [stored, seq] = reply as [number, Buffer];
      return { state: stored === 1 ? 'stored' : 'duplicate', seq: Number(seq) };
    },
    async pending(uid, afterSeq, limit) {
      checkNames(uid);
      checkIntegers(0, { afterSeq, limit });
      const found = (await scripts.pending(keysOf(uid), afterSeq, limit, removalsPerCall, pageBytes)) as [
        Buffer,
        Buffer,
        Buffer,
        Buffer,
      ][];
      return found.map(([seq, id, at, payload]) => ({ seq: Number(seq), id: id.toString(), at: Number(at), payload }));
    },
    async ack(uid, ids) {
      checkNames(uid, ...ids);
      return (await scripts.ack(keysOf(uid), rememberedIds, ...ids)) as number;
    },
    async status(uid, id) {
      checkNames(uid, id);
      const reply = (await scripts.status(keysOf(uid), id)) as Buffer;
      return reply.toString() as 'waiting' | 'acked' | 'unknown';
    },
  };
}
