import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { io } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { freePort, startRedis } from '../../packages/store/test/support/redis.ts';
import { bin, startProgram } from '../support/cli.ts';
import { startPm2 } from '../support/pm2.ts';
import { isAlive } from '../support/process-table.ts';

/** `GOPUSH_CHAOS=full` runs this file: it takes minutes. */
const full = process.env.GOPUSH_CHAOS === 'full';
const people = Number(process.env.CHAOS_CLIENTS ?? 100);
const seconds = Number(process.env.CHAOS_SECONDS ?? 90);
const channelCount = 4;
/** How often each of them says something, in milliseconds. */
const everyMs = 3_000;

/** The chat example under real pm2, with Redis: two agents, three workers. */
async function startChat() {
  const redis = await startRedis();
  const { env: pm2Env, list } = await startPm2();
  const port = await freePort();
  const env = {
    ...pm2Env,
    GOPUSH_ENV: 'production',
    GOPUSH_AGENT_PORT: String(port),
    GOPUSH_SERVER_PORT_START: String(await freePort(5)),
    GOPUSH_SERVER_WORKERS: '3',
    GOPUSH_ACCESS_SECRETS: 'a secret of this test',
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    // Other work on the machine is no reason to refuse clients.
    GOPUSH_LIMITS_EVENT_LOOP_DELAY_MS: '0',
    GOPUSH_PUSH_SERVER_LIMITS_BEGIN_DELAY_MS: '0',
  };
  const cwd = fileURLToPath(new URL('../../examples/chat', import.meta.url));
  const { code, stderr } = await startProgram(process.execPath, [bin, 'pm2', 'start'], { cwd, env }).ended;
  expect([code, stderr]).toEqual([0, '']);
  const pids = async (tier: string): Promise<number[]> =>
    (await list()).filter(({ name }) => name === `chat-${tier}`).map(({ pid }) => pid);
  /** Ends one process of a tier, and waits until pm2 has as many as before. */
  async function end(tier: string, signal: NodeJS.Signals): Promise<void> {
    const before = await pids(tier);
    const pid = before[Math.floor(Math.random() * before.length)] as number;
    process.kill(pid, signal);
    await expect.poll(() => isAlive(pid), { timeout: 30_000 }).toBe(false);
    const isWhole = async (): Promise<boolean> => {
      const now = (await list()).filter(({ name, pm2_env }) => name === `chat-${tier}` && pm2_env.status === 'online');
      return now.length === before.length && now.every((one) => one.pid > 0 && one.pid !== pid);
    };
    await expect.poll(isWhole, { timeout: 30_000, interval: 300 }).toBe(true);
  }
  return { url: `http://127.0.0.1:${port}`, end };
}

/** What people have counted together. */
const counts = () => ({
  accepted: 0,
  delivered: 0,
  fromHistory: 0,
  lost: 0,
  doubled: 0,
  disconnects: 0,
  newSessions: 0,
  signedOut: 0,
  sentAgain: 0,
  longestMs: 0,
});
type Counts = ReturnType<typeof counts>;

interface Said {
  readonly id: string;
  readonly sender: string;
  readonly sentAt: number;
}

async function post(url: string, path: string, body: object, token = ''): Promise<{ token?: string }> {
  for (;;) {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    if (response.ok || response.status === 409) return (await response.json()) as { token?: string };
    await delay(200);
  }
}

/** A request whose response was lost may have been handled: a user who exists already only signs in. */
async function signIn(url: string, name: string): Promise<string> {
  const credentials = { name, password: `the password of ${name}` };
  const { token } = await post(url, '/api/sign-up', credentials);
  return token ?? (await post(url, '/api/sign-in', credentials)).token ?? '';
}

/** Somebody who talks in a channel, as the page of the example does. */
async function join(url: string, name: string, channel: string, all: Counts, going: () => boolean) {
  const token = await signIn(url, name);
  const headers = { authorization: `Bearer ${token}` };
  const socket = io(url, {
    transports: ['websocket'],
    forceNew: true,
    extraHeaders: headers,
    reconnectionDelay: 100,
    reconnectionDelayMax: 1_000,
  });
  onTestFinished(() => void socket.disconnect());
  const heard = new Set<string>();
  const live = new Set<string>();
  const said: string[] = [];
  const ids = new Set<string>();

  async function ask<T>(event: string, ...args: unknown[]): Promise<T> {
    for (;;) {
      const answer = await socket
        .timeout(10_000)
        .emitWithAck(event, ...args)
        .catch(() => undefined);
      if (answer !== undefined && answer.error?.code === undefined) return answer as T;
      await delay(200);
    }
  }
  socket.on('chat', ({ id, at }: { id: string; at: number }, { sender }: { sender: string }) => {
    const key = `${sender} ${id}`;
    all.longestMs = Math.max(all.longestMs, Date.now() - at);
    if (live.has(key)) all.doubled++;
    live.add(key);
    heard.add(key);
  });
  async function readHistory(): Promise<void> {
    let before: number | null | undefined;
    do {
      const page = await ask<{ messages: Said[]; before: number | null }>('history', { channel, before });
      for (const { id, sender } of page.messages) {
        if (!heard.has(`${sender} ${id}`)) all.fromHistory++;
        heard.add(`${sender} ${id}`);
      }
      before = page.before;
    } while (before !== null);
  }
  socket.on('disconnect', (reason) => {
    if (reason !== 'io client disconnect') all.disconnects++;
  });
  socket.on('connect', async () => {
    if (ids.size > 0 && !ids.has(socket.id as string)) all.newSessions++;
    ids.add(socket.id as string);
    if (socket.recovered) return;
    await ask('join', { channel });
    await ask('go:join', channel);
    if (ids.size > 1) await readHistory();
  });
  await expect.poll(() => socket.connected, { timeout: 30_000 }).toBe(true);
  await ask('join', { channel });
  await ask('go:join', channel);

  async function talk(): Promise<void> {
    for (let number = 1; going(); number++) {
      await delay(everyMs * (0.5 + Math.random()));
      const id = String(number);
      const request = { room: channel, event: 'chat', message: { id, text: `${name} says ${id}` }, id, echo: true };
      for (;;) {
        const answer = await socket
          .timeout(5_000)
          .emitWithAck('go:publish', request)
          .catch(() => undefined);
        if (answer?.ok) break;
        all.sentAgain++;
        await delay(300);
      }
      said.push(`${name} ${id}`);
      all.accepted++;
    }
  }
  /** No user is signed out, whichever server answers. */
  async function look(): Promise<void> {
    while (going()) {
      await delay(5_000);
      const response = await fetch(`${url}/api/me`, { headers }).catch(() => undefined);
      if (response?.status === 401) all.signedOut++;
    }
  }
  return { channel, heard, live, said, done: Promise.all([talk(), look()]) };
}

test.skipIf(!full).each([
  { what: 'workers are killed', tiers: ['push-server'], promised: { disconnects: 0, newSessions: 0 } },
  { what: 'workers and agents are killed', tiers: ['push-server', 'push-server', 'agent'], promised: {} },
])('the chat example under pm2, while $what', { timeout: 900_000 }, async ({ what, tiers, promised }) => {
  const chat = await startChat();
  const all = counts();
  let isGoing = true;
  const going = (): boolean => isGoing;
  const token = await signIn(chat.url, 'host');
  const channels = Array.from({ length: channelCount }, (_, index) => `channel-${index}`);
  for (const name of channels) await post(chat.url, '/api/channels', { name }, token);
  const users: Awaited<ReturnType<typeof join>>[] = [];
  while (users.length < people) {
    const some = Array.from({ length: Math.min(10, people - users.length) }, (_, index) => users.length + index);
    const joined = some.map((index) =>
      join(chat.url, `user-${index}`, channels[index % channelCount] as string, all, going),
    );
    users.push(...(await Promise.all(joined)));
  }
  // A user does not miss messages from before they joined.
  const before = new Set(users.flatMap(({ said }) => said));
  const until = Date.now() + seconds * 1_000;
  let killed = 0;
  for (let turn = 0; Date.now() < until; turn++) {
    await chat.end(tiers[turn % tiers.length] as string, turn % 5 === 4 ? 'SIGTERM' : 'SIGKILL');
    killed++;
    await delay(2_000);
  }
  isGoing = false;
  await Promise.all(users.map(({ done }) => done));
  const lost = () =>
    users.flatMap(({ channel, heard }) =>
      users
        .filter((other) => other.channel === channel)
        .flatMap(({ said }) => said.filter((key) => !before.has(key) && !heard.has(key))),
    ).length;
  await expect
    .poll(lost, { timeout: 30_000, interval: 500 })
    .toBe(0)
    .catch(() => {});
  all.lost = lost();
  all.delivered = users.reduce((sum, { live }) => sum + live.size, 0);
  console.info(`${what}: ${people} people, ${killed} processes ended in ${seconds} s: ${JSON.stringify(all)}`);
  expect(all).toMatchObject({ lost: 0, doubled: 0, signedOut: 0, ...promised });
});
