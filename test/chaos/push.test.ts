import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Position, Published } from '@gopush/contract';
import { createClient, type RoomGap } from 'gopush/client';
import { expect, onTestFinished, test } from 'vitest';
import { freePort, startRedis } from '../../packages/store/test/support/redis.ts';
import { believing, startTestAgent } from '../support/gateway.ts';
import { openClient } from '../support/socket-io.ts';

/** `GOPUSH_CHAOS=full` is the long form. */
const full = process.env.GOPUSH_CHAOS === 'full';
const clients = full ? 200 : 24;
const rounds = full ? 5 : 1;
/** Between two faults, in milliseconds. */
const betweenMs = full ? 700 : 400;
const rooms = ['a', 'b', 'c', 'd'];

/** A push-server that is killed and started again on the same port. */
class Node {
  readonly port: number;
  readonly #settings: object;
  readonly #waiting = new Map<number, (answer: { ok: boolean }) => void>();
  #child: ChildProcess | undefined;
  #number = 0;

  constructor(port: number, settings: object) {
    this.port = port;
    this.#settings = settings;
  }

  async start(): Promise<void> {
    const child = fork('test/programs/push-node.mjs', [
      JSON.stringify({ ...this.#settings, serverPortStart: this.port }),
      `node-${this.port}`,
    ]);
    this.#child = child;
    const started = new Promise((resolve) => child.once('message', resolve));
    child.on('message', ({ number, answer }: { number?: number; answer: { ok: boolean } }) => {
      if (number !== undefined) this.#waiting.get(number)?.(answer);
    });
    await started;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    for (const resolve of this.#waiting.values()) resolve({ ok: false });
    this.#waiting.clear();
  }

  call(call: string, ...args: unknown[]): Promise<{ ok: boolean }> {
    const number = this.#number++;
    return new Promise((resolve) => {
      this.#waiting.set(number, resolve);
      if (this.#child?.connected !== true) resolve({ ok: false });
      else this.#child.send({ number, call, args }, (error) => error && resolve({ ok: false }));
    });
  }
}

interface Kept {
  readonly room: string;
  readonly text: string;
  readonly position: Position;
  readonly by: number;
}

const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];

test.each([
  { redisThat: 'keeps its data', options: durable },
  { redisThat: 'forgets all', options: [] },
])(
  'what was kept is delivered once, recovered, or told as a gap: a Redis that $redisThat',
  async ({ options }) => {
    const redis = await startRedis(options);
    const isDurable = options.length > 0;
    const settings = {
      redisAdapter: { host: '127.0.0.1', port: redis.port },
      pushServer: { leaseMs: 3_000, graceMs: 500, history: { count: 10_000, bytes: 16_777_216 } },
    };
    const first = await freePort(3);
    const servers = [0, 1, 2].map((index) => new Node(first + index, settings));
    onTestFinished(async () => void (await Promise.all(servers.map((server) => server.kill()))));
    await Promise.all(servers.map((server) => server.start()));
    const agent = await startTestAgent({
      agent: believing,
      router: { default: [{ ip: '127.0.0.1', ports: servers.map(({ port }) => port) }] },
    });

    const kept: Kept[] = [];
    const counts = {
      published: 0,
      notKept: 0,
      saidAgain: 0,
      recovered: 0,
      delivered: 0,
      reported: 0,
      doubles: 0,
      lost: 0,
    };
    let over = false;
    const all = await Promise.all(
      Array.from({ length: clients }, async (_, index) => {
        const socket = openClient(agent.url, 'websocket', {
          query: { user: `u${index}` },
          reconnection: true,
          reconnectionDelay: 50,
          reconnectionDelayMax: 300,
        });
        const client = createClient(socket, { timeoutMs: 4_000, retryMs: 200 });
        const room = client.join(rooms[index % rooms.length] as string);
        const got: string[] = [];
        const gaps: RoomGap[] = [];
        const mail: string[] = [];
        let recovering = false;
        socket.on('connect', () => {
          recovering = true;
          // It is answered after the rooms were entered again, which was asked before.
          socket.emit('go:presence', { room: room.name }, () => {
            recovering = false;
          });
        });
        // By its text: one that came while it could not be kept must not come again when it is.
        room.on<string>('n', (text, position) => {
          got.push(text);
          if (recovering && position !== null) counts.recovered++;
        });
        room.onGap((gap) => gaps.push(gap));
        client.inbox(({ id }) => mail.push(id));
        await room.joined;
        return { index, socket, room, got, gaps, mail };
      }),
    );
    // So that all have a position.
    for (const name of rooms) await sure(() => servers[0]?.call('toRoom', name, 'begin', 0) ?? Promise.reject());
    await expect.poll(() => all.every(({ room }) => room.position !== null)).toBe(true);

    const publishing = all.map(async ({ index, room }) => {
      for (let n = 0; !over; n++) {
        const text = `${index}.${n}`;
        counts.published++;
        for (;;) {
          const published: Published | undefined = await room.publish('n', text, { id: text }).catch(() => undefined);
          if (published?.position) kept.push({ room: room.name, text, position: published.position, by: index });
          else if (published !== undefined) counts.notKept++;
          if (published !== undefined) break;
          counts.saidAgain++;
          await delay(100);
        }
        await delay(full ? 50 : 250);
      }
    });
    const letters: { readonly uid: number; readonly id: string }[] = [];
    const mailing = (async () => {
      for (let n = 0; !over; n++) {
        const uid = n % clients;
        const id = `letter-${n}`;
        await sure(() =>
          (servers[n % 3] as Node).call('toUser', `u${uid}`, 'mail', n, { deliver: 'store', id, ttlMs: 600_000 }),
        );
        letters.push({ uid, id });
        await delay(full ? 10 : 60);
      }
    })();

    for (let round = 0; round < rounds; round++) {
      const [one, two] = [servers[round % 3] as Node, servers[(round + 1) % 3] as Node];
      await delay(betweenMs);
      await one.kill();
      await delay(betweenMs);
      await one.start();
      redis.pause();
      await delay(3_500);
      redis.resume();
      await delay(betweenMs);
      await redis.kill();
      await two.kill();
      await delay(betweenMs);
      await redis.restart();
      await two.start();
      await delay(2 * betweenMs);
    }
    over = true;
    await Promise.all([...publishing, mailing]);
    for (const name of rooms) {
      await sure(async () => {
        const end = (await servers[0]?.call('toRoom', name, 'end', 1, { keep: 'must' })) as
          | { ok: boolean; value?: Published }
          | undefined;
        return end ?? { ok: false };
      });
    }
    const isMissing = (
      { got, gaps, room, index }: (typeof all)[number],
      { position, text, room: of, by }: Kept,
    ): boolean => of === room.name && by !== index && !got.includes(text) && !gaps.some((gap) => covers(gap, position));
    await expect
      .poll(() => all.reduce((sum, each) => sum + kept.filter((one) => isMissing(each, one)).length, 0), {
        timeout: 30_000,
        interval: 500,
      })
      .toBe(0);
    // What Redis has forgotten cannot wait.
    if (isDurable)
      await expect
        .poll(() => letters.filter(({ uid, id }) => !all[uid]?.mail.includes(id)).length, { timeout: 45_000 })
        .toBe(0);

    for (const { got, gaps, room, index, mail } of all) {
      counts.doubles += got.length - new Set(got).size + mail.length - new Set(mail).size;
      const had = new Set(got);
      for (const one of kept) {
        if (one.room !== room.name || one.by === index) continue;
        if (had.has(one.text)) counts.delivered++;
        else if (gaps.some((gap) => covers(gap, one.position))) counts.reported++;
        else counts.lost++;
      }
    }
    console.info(
      isDurable ? 'chaos:' : 'chaos, Redis forgets:',
      JSON.stringify({ ...counts, kept: kept.length, inbox: letters.length }),
    );
    expect(kept.length).toBeGreaterThan(clients);
    expect({ lost: counts.lost, doubles: counts.doubles }).toEqual({ lost: 0, doubles: 0 });
  },
  600_000,
);

/** Says it until it is done. */
async function sure(work: () => Promise<{ ok: boolean }>): Promise<void> {
  while (!(await work()).ok) await delay(100);
}

function covers({ after, position }: RoomGap, { epoch, offset }: Position): boolean {
  if (after === null || (after.epoch !== position.epoch && epoch !== position.epoch)) {
    return after?.epoch !== epoch || offset > after.offset;
  }
  if (epoch !== position.epoch || offset > position.offset) return false;
  return after.epoch !== epoch || offset > after.offset;
}
