import { Agent as HttpAgent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Gap, Position } from '@gopush/contract';
import { createClient, type RoomGap } from 'gopush/client';
import type { Socket } from 'socket.io-client';
import { connectClient } from '../support/socket-io.ts';
import type { Cut } from './owners.ts';

/** What clients and publishers have counted together. */
export interface Counts {
  readonly clients: number;
  /** Messages that were accepted, and what clients were given of them. */
  readonly sent: number;
  readonly delivered: number;
  /** Neither given nor told as a gap, nor {@link withoutSession}. */
  readonly lost: number;
  /** Messages to a user, not stored in the inbox, while their client had no session: it began a new one without them (docs/seamless.md). */
  readonly withoutSession: number;
  /** Not given, but told as a gap. */
  readonly told: number;
  readonly doubled: number;
  readonly misordered: number;
  readonly disconnects: number;
  /** The connections that ended. */
  readonly cuts: readonly Cut[];
  /** Clients that came back with another `socket.id`. */
  readonly newSessions: number;
  readonly acks: number;
  readonly unanswered: number;
  /** Longest time from the first attempt to publish a message to its delivery, in milliseconds. */
  readonly longestMs: number;
  /** Responses to POSTs that were not 200, by status and code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Some of what was lost or doubled, to look into. */
  readonly examples: readonly string[];
  /** What clients and publishers noticed, with times, to look up in the logs of the processes. */
  readonly stories: readonly string[];
}

export interface TrafficOptions {
  readonly urls: readonly string[];
  /** Key of the HTTP API. */
  readonly key: string;
  readonly clients: number;
  /** Names of rooms and users begin with it. */
  readonly name: string;
}

interface Numbered {
  readonly number: number;
  readonly at: number;
}

interface Accepted {
  readonly number: number;
  readonly position: Position | null;
  /** When it was sent first, and accepted, and with which response. */
  readonly sent: Date;
  readonly at: Date;
  readonly response: object;
}

/** A room, or a user, or a user's inbox, and what was accepted for it. */
interface Stream {
  readonly path: string;
  readonly fields: object;
  readonly accepted: Accepted[];
  next: number;
}

interface Heard {
  readonly stream: Stream;
  readonly numbers: number[];
  readonly gaps: RoomGap[];
  /** Whether a gap explains anything that is missing. */
  toldAll: boolean;
  /** When the client had no session, after which it began a new one; in milliseconds since 1970. */
  readonly pauses: { readonly from: number; readonly until: number }[];
}

const roomCount = 4;
/** How long an agent may have held a client without a session before it let it go, in milliseconds. */
const heldMs = 10_000;
const answerMs = 15_000;
/** How long handlers take to answer. */
export const handlerMs = 1_000;

/**
 * Clients that are in rooms and ask all the time, and publishers that POST numbered messages to rooms, users and inboxes through agents.
 * Each message has an id, and is sent again with the same id until it is accepted.
 */
export async function startTraffic({ urls, key, clients: count, name }: TrafficOptions) {
  const rooms: Stream[] = Array.from({ length: roomCount }, (_, index) => stream(`/rooms/${name}-room-${index}`));
  const all: Awaited<ReturnType<typeof openClient>>[] = [];
  for (let from = 0; from < count; from += 50) {
    const some = Array.from({ length: Math.min(50, count - from) }, (_, index) =>
      openClient(
        urls[(from + index) % urls.length] as string,
        `${name}-${from + index}`,
        rooms[index % roomCount] as Stream,
      ),
    );
    all.push(...(await Promise.all(some)));
  }
  const publisher = createPublisher(urls, key);
  const stories = (): string[] => [...all.flatMap(({ seen }) => seen.stories), ...publisher.stories];
  // So that everyone has a position in their room.
  await Promise.all(rooms.map((room) => publisher.say(room)));
  let going = true;
  const tasks = [
    ...rooms.map((room) => publisher.sayOn([room], 150, () => going)),
    publisher.sayOn(
      all.map(({ own }) => own.stream),
      40,
      () => going,
    ),
    publisher.sayOn(
      all.map(({ inbox }) => inbox.stream),
      80,
      () => going,
    ),
    ...all.map((client) => client.askOn(() => going)),
  ];
  const heard = all.flatMap(({ room, own, inbox }) => [room, own, inbox]);
  return {
    /** Stops publishing, waits for what is on its way, and counts. */
    async stop(waitMs = 45_000): Promise<Counts> {
      going = false;
      await Promise.all(tasks);
      const until = Date.now() + waitMs;
      while (heard.some((one) => missing(one).length > 0) && Date.now() < until) await delay(200);
      // Whatever comes twice.
      await delay(1_000);
      const examples = heard.flatMap((one) => exampleOf(one)).slice(0, 5);
      for (const { socket } of all) socket.disconnect();
      publisher.close();
      const total = (of: (client: (typeof all)[number]) => number): number =>
        all.reduce((sum, one) => sum + of(one), 0);
      const each = (of: (heard: Heard) => number): number => heard.reduce((sum, one) => sum + of(one), 0);
      return {
        clients: count,
        sent: [...new Set(heard.map((one) => one.stream))].reduce((sum, one) => sum + one.accepted.length, 0),
        delivered: each(({ numbers }) => new Set(numbers).size),
        lost: each((one) => missing(one).length),
        withoutSession: each((one) => withoutSession(one).length),
        told: each((one) => absent(one).length - missing(one).length - withoutSession(one).length),
        doubled: each(({ numbers }) => numbers.length - new Set(numbers).size),
        misordered: each(misordered),
        disconnects: total(({ seen }) => seen.disconnects),
        cuts: all.flatMap(({ seen }) => seen.cuts),
        newSessions: total(({ seen }) => (seen.ids.size > 1 ? 1 : 0)),
        acks: total(({ seen }) => seen.answered),
        unanswered: total(({ seen }) => seen.unanswered),
        longestMs: Math.max(...all.map(({ seen }) => seen.longestMs)),
        refused: publisher.refused,
        examples,
        stories: stories(),
      };
    },
  };
}

const stream = (path: string, fields: object = {}): Stream => ({ path, fields, accepted: [], next: 0 });

const hearing = (from: Stream): Heard => ({ stream: from, numbers: [], gaps: [], toldAll: false, pauses: [] });

async function openClient(url: string, user: string, roomStream: Stream) {
  const room = hearing(roomStream);
  const own = hearing(stream(`/users/${user}`));
  const inbox = hearing(stream(`/users/${user}`, { deliver: 'store', event: 'letter' }));
  const seen = {
    disconnects: 0,
    answered: 0,
    unanswered: 0,
    longestMs: 0,
    ids: new Set<string>(),
    stories: [] as string[],
    cuts: [] as Cut[],
  };
  let port = 0;
  const tell = (what: string): void => {
    seen.stories.push(`${new Date().toISOString()} ${user} ${socket.id ?? [...seen.ids].at(-1)} ${what}`);
  };
  const hear = (heard: Heard, { number, at }: Numbered): void => {
    heard.numbers.push(number);
    seen.longestMs = Math.max(seen.longestMs, Date.now() - at);
  };
  const socket = await connectClient(url, 'websocket', {
    query: { user },
    reconnection: true,
    reconnectionDelay: 100,
    reconnectionDelayMax: 1_000,
  });
  let lostAt = Date.now();
  const connected = (): void => {
    if (seen.ids.size > 0 && !seen.ids.has(socket.id as string))
      own.pauses.push({ from: lostAt - heldMs, until: Date.now() });
    seen.ids.add(socket.id as string);
    port = portOf(socket);
  };
  connected();
  socket.on('connect', connected);
  socket.on('disconnect', (reason) => {
    if (reason === 'io client disconnect') return;
    seen.disconnects++;
    lostAt = Date.now();
    seen.cuts.push({ port, user, at: Date.now() });
    tell(`was disconnected at port ${port}: ${reason}`);
  });
  const roomName = roomStream.path.slice('/rooms/'.length);
  socket.on('go:gap', (gap: Gap) => {
    if (gap.room !== roomName) own.toldAll = true;
  });
  socket.on('note', (message: Numbered) => hear(own, message));
  const client = createClient(socket, { timeoutMs: 5_000, retryMs: 300 });
  client.inbox(({ message }) => hear(inbox, message as Numbered));
  const joined = client.join(roomName);
  joined.on<Numbered>('count', (message) => hear(room, message));
  joined.onGap((gap) => room.gaps.push(gap));
  await joined.joined;
  return { socket, seen, room, own, inbox, askOn: (going: () => boolean) => askOn(socket, seen, going, tell) };
}

/** The port of a client's own end, by which the kernel names its connection. */
function portOf({ io: { engine } }: Socket): number {
  const { ws } = engine.transport as { ws?: { readonly _socket?: { readonly localPort?: number } } };
  return ws?._socket?.localPort ?? 0;
}

/** An ack is always in flight. */
async function askOn(
  socket: Socket,
  seen: { answered: number; unanswered: number },
  going: () => boolean,
  tell: (what: string) => void,
): Promise<void> {
  while (going()) {
    const askedAt = new Date().toISOString();
    const ack = socket.emitWithAck('ask', handlerMs).catch(() => undefined);
    const answer = await Promise.race([ack, delay(answerMs, undefined, { ref: false })]);
    if (answer === 'answer') seen.answered++;
    else {
      seen.unanswered++;
      tell(`has no ack of what it asked at ${askedAt}`);
      void ack.then((late) => {
        if (late === 'answer') tell(`has the ack of what it asked at ${askedAt}, too late`);
      });
    }
  }
}

/** Publishes by POST through agents, and counts what was refused. */
function createPublisher(urls: readonly string[], key: string) {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 16 });
  const refused: Record<string, number> = {};
  const stories: string[] = [];
  let turn = 0;
  const post = (path: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> =>
    new Promise((resolve, reject) => {
      const url = `${urls[turn++ % urls.length]}/api/v1${path}/publish`;
      const asked = request(url, {
        method: 'POST',
        agent,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        timeout: 20_000,
      });
      asked.once('error', reject).once('timeout', () => asked.destroy(new Error('no response')));
      asked.once('response', (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.once('error', reject).once('end', () => {
          try {
            resolve({ status: response.statusCode as number, body: JSON.parse(text) });
          } catch {
            resolve({ status: response.statusCode as number, body: { error: text.slice(0, 60) } });
          }
        });
      });
      asked.end(JSON.stringify(body));
    });
  async function say(to: Stream): Promise<void> {
    const number = to.next++;
    const event = to.path.startsWith('/rooms/') ? 'count' : 'note';
    const body = {
      event,
      message: { number, at: Date.now() },
      id: `${to.path}.${event}.${number}.${JSON.stringify(to.fields)}`,
      ...to.fields,
    };
    for (;;) {
      const askedAt = new Date().toISOString();
      const answer = await post(to.path, body).catch((error: Error & { code?: string }) => error.code ?? error.message);
      if (typeof answer !== 'string' && answer.status === 200) {
        const position = (answer.body.position as Position | undefined) ?? null;
        to.accepted.push({ number, position, sent: new Date(body.message.at), at: new Date(), response: answer.body });
        return;
      }
      const why = typeof answer === 'string' ? answer : `${answer.status} ${codeOf(answer.body)}`;
      refused[why] = (refused[why] ?? 0) + 1;
      stories.push(`${new Date().toISOString()} POST to ${to.path} of ${askedAt}, id ${body.id}: ${why}`);
      // Nothing that passes by itself.
      if (/^4(?!08|29)/.test(why)) throw new Error(`${to.path}: ${why}`);
      await delay(100);
    }
  }
  async function sayOn(streams: readonly Stream[], everyMs: number, going: () => boolean): Promise<void> {
    for (let index = 0; going(); index++) {
      await say(streams[index % streams.length] as Stream);
      await delay(everyMs);
    }
  }
  return { say, sayOn, refused, stories, close: () => agent.destroy() };
}

function codeOf(body: Record<string, unknown>): string {
  const error = body.error as { code?: string } | string | undefined;
  return String((typeof error === 'object' ? error.code : error) ?? body.code ?? '');
}

function absent({ stream: { accepted }, numbers }: Heard) {
  const had = new Set(numbers);
  return accepted.filter(({ number }) => !had.has(number));
}

/** Messages that were accepted, but neither delivered nor reported as a gap, although their client had a session. */
function missing(heard: Heard) {
  return untold(heard).filter((one) => !isWithoutSession(heard, one));
}

/** Those of a client without a session. */
function withoutSession(heard: Heard) {
  return untold(heard).filter((one) => isWithoutSession(heard, one));
}

function untold(heard: Heard) {
  return absent(heard).filter(({ position }) => !heard.toldAll && !heard.gaps.some((gap) => covers(gap, position)));
}

/** Whether a message was on its way while its client had no session. */
function isWithoutSession({ pauses }: Heard, { sent, at }: Accepted): boolean {
  return pauses.some(({ from, until }) => from <= Number(at) && Number(sent) <= until);
}

function misordered({ numbers, stream: { fields } }: Heard): number {
  // Messages that are acknowledged late come again: an inbox has no order across a failover.
  if ('deliver' in fields) return 0;
  return numbers.filter((number, index) => index > 0 && number < (numbers[index - 1] as number)).length;
}

function exampleOf(heard: Heard): string[] {
  const { stream: of, numbers } = heard;
  const lost = missing(heard).map(
    ({ number, position, sent, at, response }) =>
      `${number} (sent at ${sent.toISOString()}, accepted at ${at.toISOString()} with ${JSON.stringify(response)}${othersAt(of, number, position)})`,
  );
  const doubled = numbers.filter((number, index) => numbers.indexOf(number) !== index);
  if (lost.length + doubled.length === 0) return [];
  return [`${of.path} ${JSON.stringify(of.fields)} lost ${lost} doubled ${doubled} of ${of.accepted.length}`];
}

/** Messages that were accepted at the position of another one: the store has forgotten that it kept one of them. */
function othersAt({ accepted }: Stream, number: number, at: Position | null): string {
  const others = accepted.filter(
    ({ number: other, position }) =>
      other !== number && at !== null && position?.epoch === at.epoch && position.offset === at.offset,
  );
  return others.length === 0 ? '' : `, at the position of ${others.map((other) => other.number)}`;
}

function covers({ after, position }: RoomGap, at: Position | null): boolean {
  // Messages that were accepted without a position, or with a known id, cannot be compared with gaps: any gap counts.
  if (at === null) return true;
  if (after === null || (after.epoch !== position.epoch && at.epoch !== position.epoch)) {
    return after?.epoch !== at.epoch || at.offset > after.offset;
  }
  if (at.epoch !== position.epoch || at.offset > position.offset) return false;
  return after.epoch !== at.epoch || at.offset > after.offset;
}

/** What docs/seamless.md promises when a restart is planned. */
export const unnoticed: Partial<Counts> = {
  disconnects: 0,
  newSessions: 0,
  lost: 0,
  told: 0,
  doubled: 0,
  misordered: 0,
  unanswered: 0,
};

/** What it promises when a process dies: answers that it owed do not come. */
export const unnoticedButAcks: Partial<Counts> = {
  disconnects: 0,
  newSessions: 0,
  lost: 0,
  told: 0,
  doubled: 0,
  misordered: 0,
};
