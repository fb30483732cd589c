import { join } from 'node:path';
import { createClient } from 'gopush/client';
import type { Socket } from 'socket.io-client';
import { expect, test } from 'vitest';
import { freePort, startRedis } from '../../packages/store/test/support/redis.ts';
import { apiConfig, call } from '../support/api.ts';
import { makeFolder } from '../support/cli.ts';
import { isLong, rows } from '../support/long.ts';
import { connectClient, nextEvent } from '../support/socket-io.ts';
import { type Process, settingsOf, startProcess } from './processes.ts';

/*
 * A process is killed in the moment in which it has responded: what it has responded must be true, although nothing else is published afterwards that
 * could make up for it.
 */

/** A push-server in a process of its own. */
interface Server extends Process {
  readonly url: string;
}

interface Person {
  readonly uid: string;
  readonly socket: Socket;
  readonly heard: unknown[];
}

interface Deployment {
  /** Has no clients. */
  readonly publisher: Server;
  /** Has all clients. */
  readonly holder: Server;
  readonly ann: Person;
  readonly bob: Person;
}

async function startDeployment(store: string) {
  const stored =
    store === 'Redis'
      ? { redisAdapter: { port: (await startRedis()).port } }
      : { pushServer: { fanoutDir: await makeFolder(), storeDir: await makeFolder() } };
  const handOff = { enabled: true, dir: join(await makeFolder(), 'hand-off') };
  const settings = settingsOf({ ...stored, handOff, routing: { discover: false } });
  const api = { api: apiConfig };
  const first = await freePort(4);
  const [agentPort, ...ports] = [first, first + 1, first + 2, first + 3];
  const servers = await Promise.all(
    ports.map(async (port): Promise<Server> => {
      const config = JSON.stringify({ ...settings, ...api, serverPortStart: port });
      const started = await startProcess('chaos-server.mjs', [config, `push-server-${port}`]);
      return Object.assign(started, { url: `http://127.0.0.1:${port}` });
    }),
  );
  const config = { ...settings, agentPort, agent: { host: '127.0.0.1' } };
  await startProcess('chaos-agent.mjs', [JSON.stringify(config), JSON.stringify(ports.slice(1))]);
  const url = `http://127.0.0.1:${agentPort}`;
  return {
    servers: servers as [Server, Server, Server],
    ann: await connect(url, 'ann'),
    bob: await connect(url, 'bob'),
  };
}

async function connect(url: string, uid: string): Promise<Person> {
  const socket = await connectClient(url, 'websocket', { query: { user: uid } });
  const heard: unknown[] = [];
  socket.on('n', (n: unknown) => heard.push(n));
  socket.on('disconnect', (reason) => heard.push(reason));
  createClient(socket).inbox(({ message }) => heard.push(message));
  // Once it is in a room its session is stored.
  await socket.emitWithAck('go:join', 'lobby');
  return { uid, socket, heard };
}

/** Kills a process as soon as what it was asked is responded. */
async function killAtResponse(one: Process, ask: () => Promise<unknown>): Promise<void> {
  await ask();
  one.kill('SIGKILL');
  await one.ended();
}

const post = async ({ url }: Server, path: string, fields: object): Promise<void> => {
  const { status } = await call({ url }, `POST ${path}/publish`, { event: 'n', ...fields });
  expect(status).toBe(200);
};

/** Has ann disconnected, and connects her again once she has heard of it. */
async function disconnectAnn(asked: Server, { ann }: Pick<Deployment, 'ann'>): Promise<void> {
  await killAtResponse(asked, async () => {
    expect((await call(asked, 'POST /users/ann/disconnect')).status).toBe(200);
  });
  await expect.poll(() => ann.heard, { timeout: 15_000 }).toEqual(['io server disconnect']);
  ann.heard.length = 0;
  const connected = nextEvent(ann.socket, 'connect');
  ann.socket.connect();
  await connected;
  await ann.socket.timeout(15_000).emitWithAck('go:join', 'lobby');
}

/** Puts a message into the inbox of a user who is away, and removes it. */
async function removeFromInbox(asked: Server, other: Server, n: number): Promise<void> {
  const message = { message: n, deliver: 'store', id: `m-${n}` };
  await post(other, '/users/carl', message);
  await killAtResponse(asked, async () => {
    expect((await call(asked, `DELETE /users/carl/inbox/m-${n}`)).body).toEqual({ acked: true });
  });
  expect((await call(other, 'GET /users/carl/inbox')).body.messages).toEqual([]);
  // It is not put again either.
  await post(other, '/users/carl', message);
  expect((await call(other, 'GET /users/carl/inbox')).body.messages).toEqual([]);
}

/** What is done in one round, by its number, which names rooms. */
type Round = (deployment: Deployment, n: number) => Promise<void>;

const hears = async ({ heard }: Person, n: number): Promise<void> => {
  await expect.poll(() => heard.splice(0), { timeout: 15_000 }).toEqual([n]);
};

const publisherDies: Readonly<Record<string, Round>> = {
  async 'a message to a room'({ publisher, ann }, n) {
    await ann.socket.timeout(15_000).emitWithAck('go:join', `room-${n}`);
    await killAtResponse(publisher, () => post(publisher, `/rooms/room-${n}`, { message: n }));
    await hears(ann, n);
  },
  async 'a message to a user'({ publisher, ann }, n) {
    await killAtResponse(publisher, () => post(publisher, '/users/ann', { message: n }));
    await hears(ann, n);
  },
  async 'a message to an inbox'({ publisher, ann }, n) {
    await killAtResponse(publisher, () => post(publisher, '/users/ann', { message: n, deliver: 'store' }));
    await hears(ann, n);
  },
  async 'a user who is added to a room'({ publisher, holder, ann }, n) {
    await killAtResponse(publisher, async () => {
      expect((await call(publisher, `PUT /users/ann/rooms/room-${n}`)).status).toBe(200);
    });
    await expect.poll(() => membersOf(holder, n)).toEqual(['ann']);
    await post(holder, `/rooms/room-${n}`, { message: n });
    await hears(ann, n);
  },
  'a user who is disconnected': ({ publisher, ann }) => disconnectAnn(publisher, { ann }),
  'a message that is removed from an inbox': ({ publisher, holder }, n) => removeFromInbox(publisher, holder, n),
};

const holderDies: Readonly<Record<string, Round>> = {
  async 'a message to a room'({ holder, ann }, n) {
    await ann.socket.timeout(15_000).emitWithAck('go:join', `room-${n}`);
    await killAtResponse(holder, () => post(holder, `/rooms/room-${n}`, { message: n }));
    await hears(ann, n);
  },
  async 'a message to a user'({ holder, ann }, n) {
    await killAtResponse(holder, () => post(holder, '/users/ann', { message: n }));
    await hears(ann, n);
  },
  async 'a message to an inbox'({ holder, ann }, n) {
    await killAtResponse(holder, () => post(holder, '/users/ann', { message: n, deliver: 'store' }));
    // It may come again: the ack may not have arrived.
    await expect.poll(() => [...new Set(ann.heard.splice(0))], { timeout: 15_000 }).toEqual([n]);
  },
  async 'a client that joins'({ publisher, holder, ann }, n) {
    await killAtResponse(holder, () => ann.socket.timeout(15_000).emitWithAck('go:join', `room-${n}`));
    await post(publisher, `/rooms/room-${n}`, { message: n });
    await hears(ann, n);
  },
  async 'a client that leaves'({ publisher, holder, ann }, n) {
    await ann.socket.timeout(15_000).emitWithAck('go:join', `room-${n}`);
    await killAtResponse(holder, () => ann.socket.timeout(15_000).emitWithAck('go:leave', `room-${n}`));
    await post(publisher, `/rooms/room-${n}`, { message: 'is not for ann' });
    await post(publisher, '/users/ann', { message: n });
    await hears(ann, n);
  },
  async 'a client that publishes'({ holder, ann, bob }, n) {
    for (const { socket } of [ann, bob]) await socket.timeout(15_000).emitWithAck('go:join', `room-${n}`);
    const message = { room: `room-${n}`, event: 'n', message: n };
    await killAtResponse(holder, () => ann.socket.timeout(15_000).emitWithAck('go:publish', message));
    // Not sent back to who published it.
    await hears(bob, n);
  },
  'a user who is disconnected': ({ holder, ann }) => disconnectAnn(holder, { ann }),
  async 'a message that a device acks'({ publisher, holder, ann }, n) {
    await post(publisher, '/users/ann', { message: n, deliver: 'store', id: `m-${n}` });
    await hears(ann, n);
    const status = async () => (await call(publisher, `GET /users/ann/inbox/m-${n}`)).body.status;
    await killAtResponse(holder, () => expect.poll(status, { interval: 1 }).toBe('acked'));
    await post(publisher, '/users/ann', { message: 'last' });
    await expect.poll(() => ann.heard.splice(0), { timeout: 15_000 }).toEqual(['last']);
  },
};

async function membersOf(server: Server, n: number): Promise<readonly string[]> {
  const { body } = await call(server, `GET /rooms/room-${n}/presence`);
  return body.users.map(({ uid }: { uid: string }) => uid);
}

const times = isLong ? 10 : 1;

test.each(rows(['Redis'], ['embedded']))(
  'what a push-server has responded is true when it dies at once, %s',
  {
    timeout: 400_000,
  },
  async (store) => {
    const { servers, ann, bob } = await startDeployment(store);
    const [publisher, one, other] = servers;
    // After the death of one, all clients are at the other.
    one.kill('SIGKILL');
    await one.ended();
    let [holder, next] = [other, one];
    await next.start();
    let n = 0;
    for (let time = 0; time < times; time++) {
      for (const round of Object.values(publisherDies)) {
        await round({ publisher, holder, ann, bob }, ++n);
        await publisher.start();
      }
      for (const round of Object.values(holderDies)) {
        await round({ publisher, holder, ann, bob }, ++n);
        await holder.start();
        [holder, next] = [next, holder];
      }
    }
    expect([...ann.heard, ...bob.heard]).toEqual([]);
  },
);
