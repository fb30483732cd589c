import { checkIntegers, checkNames, pageBytes, rememberedIds, removalsPerCall } from '../bounds.ts';
import type { HistoryStore } from '../history.ts';
import { newEpoch } from '../new-epoch.ts';
import { isBack } from '../store.ts';
import type { Connection } from './connection.ts';
import { type AppendedAt, RecentAppends } from './recent-appends.ts';
import { refuseWhenFull, writeWhenFull } from './script-memory.ts';
import { scriptTime } from './script-time.ts';

/**
 * Offsets are never assigned twice. If a new master lacks messages that this process has appended, `last` continues after them, and after those
 * that other processes may have appended at the same time. Readers find a hole and report a gap.
 */
const beyond = `
local function beyond(last, epoch, knownEpoch, known)
  if known ~= '' and knownEpoch == epoch and tonumber(known) > last then return tonumber(known) + 1000 end
  return last
end
`;

/**
 * A room is a stream of `<offset>-0` with the fields a (when) and p (payload); a hash of e (epoch), a (when the newest came), l (last
 * offset), b (bytes) and g (ageMs); and of idempotency keys a hash to offsets and a sorted set by time. The four expire together.
 */
const append = `${scriptTime}${beyond}
local stream, meta, offsets, times = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local payload, count, age, bytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local fresh, id, most, removals = ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local knownEpoch, known = ARGV[9], ARGV[10]
local epoch, at, last, size, kept = unpack(redis.call('HMGET', meta, 'e', 'a', 'l', 'b', 'g'))
local begins = not epoch or tonumber(at) <= now - tonumber(kept)
if id ~= '' and not begins then
  local before = redis.call('HGET', offsets, id)
  if before and tonumber(redis.call('ZSCORE', times, id) or 0) > now - age then return {epoch, tonumber(before), 1} end
end
${refuseWhenFull('times')}
if begins then
  redis.call('DEL', stream, meta, offsets, times)
  epoch, at, last, size = fresh, now, 0, 0
end
local offset = beyond(tonumber(last), epoch, knownEpoch, known) + 1
at = math.max(tonumber(at), now)
size = tonumber(size) + #payload
redis.call('XADD', stream, whole(offset) .. '-0', 'a', whole(at), 'p', payload)
if id ~= '' then
  redis.call('HSET', offsets, id, whole(offset))
  redis.call('ZADD', times, at, id)
end
local have = redis.call('XLEN', stream)
for _ = 1, removals do
  if have <= 1 then break end
  local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  if not (have > count or size > bytes or tonumber(oldest[2][2]) <= now - age) then break end
  redis.call('XDEL', stream, oldest[1])
  size = size - #oldest[2][4]
  have = have - 1
end
local remembered = redis.call('ZCARD', times)
if remembered > 0 then
  local gone = redis.call('ZRANGEBYSCORE', times, '-inf', whole(now - age), 'LIMIT', 0, removals)
  local above = remembered - #gone - most
  if above > 0 then
    for _, old in ipairs(redis.call('ZRANGE', times, #gone, #gone + above - 1)) do table.insert(gone, old) end
  end
  for _, old in ipairs(gone) do
    redis.call('HDEL', offsets, old)
    redis.call('ZREM', times, old)
  end
  redis.call('PEXPIRE', offsets, whole(age))
  redis.call('PEXPIRE', times, whole(age))
end
redis.call('HSET', meta, 'e', epoch, 'a', whole(at), 'l', whole(offset), 'b', whole(size), 'g', whole(age))
redis.call('PEXPIRE', stream, whole(age))
redis.call('PEXPIRE', meta, whole(age))
return {epoch, offset, 0, whole(at)}
`;

/** Returns epoch, first, last and entries of the stream. Expired entries are skipped; appending removes them. */
const read = `${scriptTime}
local stream, meta = KEYS[1], KEYS[2]
local after, limit, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local epoch, at, last, kept = unpack(redis.call('HMGET', meta, 'e', 'a', 'l', 'g'))
if not epoch or tonumber(at) <= now - tonumber(kept) then return {} end
local first, from = tonumber(last) + 1, '-'
while true do
  local some = redis.call('XRANGE', stream, from, '+', 'COUNT', 50)
  local found = false
  for _, entry in ipairs(some) do
    if tonumber(entry[2][2]) > now - tonumber(kept) then
      first, found = tonumber(string.match(entry[1], '^%d+')), true
      break
    end
  end
  if found or #some < 50 then break end
  from = whole(tonumber(string.match(some[#some][1], '^%d+')) + 1) .. '-0'
end
local entries, size, next = {}, 0, whole(math.max(first, after + 1)) .. '-0'
while #entries < limit do
  local wanted = math.min(50, limit - #entries)
  local some = redis.call('XRANGE', stream, next, '+', 'COUNT', wanted)
  for _, entry in ipairs(some) do
    size = size + #entry[2][4]
    if #entries > 0 and size > most then return {epoch, first, tonumber(last), entries} end
    table.insert(entries, entry)
  end
  if #some < wanted then break end
  next = whole(tonumber(string.match(some[#some][1], '^%d+')) + 1) .. '-0'
end
return {epoch, first, tonumber(last), entries}
`;

/** Skips offsets that a server does not know, unless it already has newer messages. */
const leaveOut = `${beyond}
${writeWhenFull('KEYS[1]')}local epoch, last = unpack(redis.call('HMGET', KEYS[1], 'e', 'l'))
if not epoch then return end
local after = beyond(tonumber(last), epoch, ARGV[1], ARGV[2])
local there = redis.call('XRANGE', KEYS[2], ARGV[2] .. '-0', ARGV[2] .. '-0')[1]
if epoch == ARGV[1] and there and there[2][2] ~= ARGV[3] then after = tonumber(last) + 1000 end
if after ~= tonumber(last) then redis.call('HSET', KEYS[1], 'l', string.format('%.0f', after)) end
`;

const remove = `return redis.call('DEL', unpack(KEYS))`;

export function createHistory(connection: Connection): HistoryStore {
  const scripts = {
    append: connection.script('history_append', 4, append),
    read: connection.script('history_read', 2, read),
    remove: connection.script('history_remove', 4, remove),
    leaveOut: connection.script('history_leave_out', 2, leaveOut),
  };
  const recent = new RecentAppends();
  let suspects: ReadonlyMap<string, AppendedAt> | undefined;
  // Before anyone reads: those who wait for the same change come later.
  connection.state.onChange((state, before) => {
    // Messages that are appended from now on may be at another server, under offsets that the one before gave to other messages.
    if (state === 'down' || state === 'read-only') suspects ??= recent.all();
    if (!isBack(state, before)) return;
    for (const [room, { epoch, offset, at }] of suspects ?? []) {
      const [stream, meta] = keysOf(room);
      scripts.leaveOut([meta, stream], epoch, offset, at).catch(() => {});
    }
    suspects = undefined;
  });
  const keysOf = (room: string): [string, string, string, string] => {
    const key = (kind: string): string => connection.key(kind, room);
    return [key('h'), key('hm'), key('ho'), key('ht')];
  };
  return {
    async append(room, payload, { count, ageMs, bytes }, idempotencyKey = undefined) {
      checkNames(room);
      checkIntegers(1, { count, ageMs, bytes });
      if (idempotencyKey !== undefined) checkNames(idempotencyKey);
      const fresh = newEpoch();
      const bounds = [rememberedIds, removalsPerCall];
      const known = recent.of(room);
      const reply = await scripts.append(
        keysOf(room),
        payload,
        count,
        ageMs,
        bytes,
        fresh,
        idempotencyKey ?? '',
        ...bounds,
        known?.epoch ?? '',
        known?.offset ?? '',
      );
      const [written, offset, duplicate, at] = reply as [Buffer, number, number, Buffer?];
      const epoch = written.toString();
      if (duplicate !== 1) recent.note(room, epoch, offset, String(at));
      return { epoch, offset, duplicate: duplicate === 1 };
    },

    async read(room, after, limit) {
      checkNames(room);
      checkIntegers(0, { after, limit });
      const [stream, meta] = keysOf(room);
      const reply = await scripts.read([stream, meta], after, limit, pageBytes);
      const [epoch, first, last, entries] = reply as Partial<[Buffer, number, number, [Buffer, Buffer[]][]]>;
      if (epoch === undefined || first === undefined || last === undefined)
        return { epoch: undefined, first: 1, last: 0, messages: [] };
      const messages = (entries ?? []).map(([id, [, at, , payload]]) => ({
        offset: Number.parseInt(id.toString(), 10),
        at: Number(at),
        payload: payload ?? Buffer.alloc(0),
      }));
      return { epoch: epoch.toString(), first, last, messages };
    },

    async removed(room) {
      checkNames(room);
      recent.forget(room);
      await scripts.remove(keysOf(room));
    },
  };
}
