/**
 * Beginning of a script. `now` is the time of Redis in milliseconds since 1970, so that clocks of nodes do not matter. `whole` writes a large
 * number without an exponent.
 */
export const scriptTime = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function whole(number) return string.format('%.0f', number) end
`;
