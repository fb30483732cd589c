import type { Redis } from 'ioredis';
import type { Connection } from './connection.ts';
import { scriptTime } from './script-time.ts';

/** How long one of several processes does the evicting, in milliseconds. */
const claimMs = 5_000;

/** How many keys Redis looks at for one reply, and how many messages of a room are removed at once. */
const atOnce = 500;

/** Time between two steps, as a multiple of the time that the last one took: while something is removed, and while nothing is. */
const rest = { busy: 1, idle: 9 };

/** Shortest rest, in milliseconds. */
const leastRestMs = 5;

/** Share of the time between the oldest message and now that one round evicts, and the shortest such time in milliseconds. */
const evicted = { part: 8, leastMs: 250 };

/** Begins or continues to be the process that evicts. The deletion comes first, so that it succeeds although Redis is full. */
const claim = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/** Removes messages of a room up to a time. Returns the time of Redis, and that of the oldest message that is left. */
const evict = `${scriptTime}
local stream, meta, before, most = KEYS[1], KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2])
local size, removed, oldest = tonumber(redis.call('HGET', meta, 'b') or 0), 0, nil
for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+', 'COUNT', before > 0 and most or 1)) do
  local at = tonumber(entry[2][2])
  if at > before then
    oldest = at
    break
  end
  redis.call('XDEL', stream, entry[1])
  size = size - #entry[2][4]
  removed = removed + 1
end
if removed > 0 then
  redis.call('HSET', meta, 'b', whole(size))
  if redis.call('XLEN', stream) == 0 then redis.call('DEL', stream) end
end
return {whole(now), oldest and whole(oldest) or '', removed}
`;

/** Removes the oldest messages of all rooms while Redis has little memory left. */
export class Eviction {
  readonly #connection: Connection;
  readonly #scripts: {
    readonly claim: ReturnType<Connection['script']>;
    readonly evict: ReturnType<Connection['script']>;
  };
  readonly #name: string;
  #running: Promise<void> | undefined;
  #closed = false;
  /** Messages up to this time of Redis are removed in the next round; 0: the oldest is looked for. */
  #before = 0;

  /** @param name - of this process, unlike that of any other */
  constructor(connection: Connection, name: string) {
    this.#connection = connection;
    this.#name = name;
    this.#scripts = {
      claim: connection.script('evict_claim', 1, claim),
      evict: connection.script('evict', 2, evict),
    };
  }

  /** Does one round, unless one is under way or another process evicts. */
  begin(servers: readonly Redis[]): void {
    this.#running ??= this.#round(servers)
      // The state of the store shows it, and the next round tries again.
      .catch(() => {})
      .finally(() => {
        this.#running = undefined;
      });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #round(servers: readonly Redis[]): Promise<void> {
    let oldest = Number.POSITIVE_INFINITY;
    let now = 0;
    for (const server of servers) {
      let cursor = '0';
      do {
        if (this.#closed || !(await this.#claims())) return;
        const startedAt = performance.now();
        const [next, keys] = await server.scan(cursor, 'MATCH', this.#pattern, 'COUNT', atOnce);
        cursor = next;
        const found = await Promise.all(keys.map((meta) => this.#evict(meta)));
        for (const room of found) {
          now = Math.max(now, room.now);
          oldest = Math.min(oldest, room.oldest);
        }
        const isBusy = found.some(({ removed }) => removed > 0);
        const spentMs = performance.now() - startedAt;
        await pause(Math.max(leastRestMs, spentMs * (isBusy ? rest.busy : rest.idle)));
      } while (cursor !== '0');
    }
    const isOver = oldest === Number.POSITIVE_INFINITY;
    this.#before = isOver ? 0 : oldest + Math.max((now - oldest) / evicted.part, evicted.leastMs);
  }

  async #claims(): Promise<boolean> {
    const key = this.#connection.key('evict', 'memory');
    const isOurs = (await this.#scripts.claim([key], this.#name, claimMs)) === 1;
    if (!isOurs) this.#before = 0;
    return isOurs;
  }

  async #evict(meta: string): Promise<{ now: number; oldest: number; removed: number }> {
    const stream = meta.replace(this.#metaBegin, this.#streamBegin);
    const reply = await this.#scripts.evict([stream, meta], Math.floor(this.#before), atOnce);
    const [now, oldest, removed] = reply as [Buffer, Buffer, number];
    return {
      now: Number(now),
      oldest: oldest.length === 0 ? Number.POSITIVE_INFINITY : Number(oldest),
      removed,
    };
  }

  get #metaBegin(): string {
    return this.#connection.key('hm', '').slice(0, -1);
  }

  get #streamBegin(): string {
    return this.#connection.key('h', '').slice(0, -1);
  }

  /** Keys of the metas of all rooms. */
  get #pattern(): string {
    return `${this.#metaBegin.replace(/[\\*?[\]]/g, '\\$&')}*`;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
