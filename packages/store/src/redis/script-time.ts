/**
 * Beginning of a script. `now` is the time of Redis in milliseconds since 1970, so that clocks of nodes do not matter. `whole` writes a large
 * number without an exponent.
 */
export const scriptTime = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function whole(number) return string.format('%.0f', number) end
`;

/**
 * Part of a script that writes leases, to be run before it uses them: has them follow a clock of Redis that was set back, as after a failover to a
 * server whose clock is behind. Otherwise the leases of nodes that died before would be valid for so much longer. The key of the clock
 * holds the time of the last call, for a day.
 *
 * @param clock - key of the clock, in Lua
 * @param leases - key of a sorted set of leases by their ends, in Lua
 */
export function followClock(clock: string, leases: string): string {
  return `
local behind = tonumber(redis.call('GET', ${clock}) or 0) - now
if behind > 1000 then
  for _, each in ipairs(redis.call('ZRANGE', ${leases}, 0, -1)) do
    redis.call('ZINCRBY', ${leases}, whole(-behind), each)
  end
end
redis.call('SET', ${clock}, whole(now), 'PX', 86400000)
`;
}
