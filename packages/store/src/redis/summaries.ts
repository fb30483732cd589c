import { checkIntegers, checkNames } from '../bounds.ts';
import {
  type KeptSummary,
  keepCommandMs,
  keepSummaryMs,
  maxCommandBytes,
  maxSummaryBytes,
  mostSummaries,
  type SummaryStore,
  silentSummaryMs,
} from '../summaries.ts';
import type { Connection } from './connection.ts';
import { writeWhenFull } from './script-memory.ts';
import { followClock, scriptTime } from './script-time.ts';

/**
 * A hash of summaries, and a sorted set of their nodes by when they wrote. Both expire with the last summary. Returns the command that waits for the
 * node, from a hash of commands, each after the time when it was sent.
 */
const write = `${scriptTime}
local summaries, written = KEYS[1], KEYS[2]
${writeWhenFull('summaries')}${followClock('KEYS[3]', 'written')}
redis.call('HSET', summaries, ARGV[1], ARGV[2])
redis.call('ZADD', written, whole(now), ARGV[1])
local function remove(ids)
  for _, id in ipairs(ids) do
    redis.call('HDEL', summaries, id)
    redis.call('ZREM', written, id)
  end
end
remove(redis.call('ZRANGEBYSCORE', written, '-inf', whole(now - ${keepSummaryMs})))
local silent = redis.call('ZCOUNT', written, '-inf', whole(now - ${silentSummaryMs}))
if silent > ${mostSummaries.silent} then remove(redis.call('ZRANGE', written, 0, silent - ${mostSummaries.silent} - 1)) end
remove(redis.call('ZRANGE', written, 0, -${mostSummaries.all} - 1))
for _, key in ipairs({summaries, written}) do redis.call('PEXPIRE', key, ${keepSummaryMs}) end
local waiting = redis.call('HGET', KEYS[4], ARGV[1])
if not waiting then return false end
redis.call('HDEL', KEYS[4], ARGV[1])
local at, command = string.match(waiting, '^(%d+) (.*)$')
return at and math.abs(now - tonumber(at)) <= ${keepCommandMs} and command
`;

/** Returns 0 if another command waits. */
const send = `${scriptTime}
local waiting = redis.call('HGET', KEYS[1], ARGV[1])
local at = waiting and string.match(waiting, '^(%d+) ')
if at and math.abs(now - tonumber(at)) <= ${keepCommandMs} then return 0 end
${writeWhenFull('KEYS[1]')}redis.call('HSET', KEYS[1], ARGV[1], whole(now) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ${keepCommandMs})
return 1
`;

/** Returns `[id, age, summary, …]`; in place of one that is too long, `false`. */
const read = `${scriptTime}
local found = {}
local nodes = redis.call('ZREVRANGE', KEYS[2], 0, ${mostSummaries.all} - 1, 'WITHSCORES')
for each = 1, #nodes, 2 do
  local id = nodes[each]
  local age = math.max(0, now - tonumber(nodes[each + 1]))
  local length = redis.call('HSTRLEN', KEYS[1], id)
  if age < ${keepSummaryMs} and length > 0 then
    table.insert(found, id)
    table.insert(found, whole(age))
    table.insert(found, length <= ${maxSummaryBytes} and redis.call('HGET', KEYS[1], id))
  end
end
return found
`;

export function createSummaries(connection: Connection): SummaryStore {
  const scripts = {
    write: connection.script('summary_write', 4, write),
    send: connection.script('command_send', 1, send),
    read: connection.script('summary_read', 2, read),
  };
  const keys = [connection.key('summaries', 'cluster'), connection.key('written', 'cluster')];
  const clock = connection.key('clock', 'cluster');
  const commands = connection.key('commands', 'cluster');
  return {
    async write(id, payload) {
      checkNames(id);
      checkIntegers(0, { 'bytes left of a summary': maxSummaryBytes - payload.length });
      const command = (await scripts.write([...keys, clock, commands], id, payload)) as Buffer | null;
      return command === null || command.length > maxCommandBytes ? undefined : command;
    },
    async send(id, command) {
      checkNames(id);
      checkIntegers(0, { 'bytes left of a command': maxCommandBytes - command.length });
      return (await scripts.send([commands], id, command)) === 1;
    },
    async read() {
      const found = (await scripts.read(keys)) as (Buffer | null)[];
      const kept: KeptSummary[] = [];
      let damaged = 0;
      for (let index = 0; index + 2 < found.length; index += 3) {
        const payload = found[index + 2] ?? undefined;
        if (payload === undefined) damaged++;
        else kept.push({ id: String(found[index]), payload, ageMs: Number(found[index + 1]) });
      }
      return { kept, damaged };
    },
  };
}
