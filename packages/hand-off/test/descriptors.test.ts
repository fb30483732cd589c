import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Givers } from '../src/giver/givers.ts';
import type { HandedOver } from '../src/giver/handed-over.ts';
import { openGivers } from '../src/giver/open-givers.ts';
import { openTaker } from '../src/taker/open-taker.ts';
import type { TakenConnection } from '../src/taker/taken-connection.ts';
import type { Taker } from '../src/taker/taker.ts';
import { temporaryFolder } from './support/front.ts';

/** Open descriptors of this process. */
function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** What is done with one client; the number chooses among what is open. */
type Step = readonly [
  'connect' | 'give' | 'offer' | 'withdraw' | 'accept' | 'talk' | 'end' | 'reset' | 'leave' | 'back' | 'stop',
  number,
];

/** One client, whose bytes name it: everything that it sends and gets has its letter. */
class Client {
  readonly letter: string;
  readonly socket: Socket;
  /** At the giver, until it is handed over. */
  readonly accepted: Socket;
  received = '';
  handed: HandedOver<Client> | undefined;
  withdraw: (() => void) | undefined;
  accept: (() => Promise<void>) | undefined;
  taken: TakenConnection | undefined;
  isOver = false;

  constructor(letter: string, socket: Socket, accepted: Socket) {
    this.letter = letter;
    this.socket = socket;
    this.accepted = accepted;
    socket.on('data', (chunk) => {
      this.received += chunk;
    });
    for (const end of [socket, accepted]) end.on('error', () => {});
    socket.on('close', () => {
      this.isOver = true;
    });
  }
}

/** A giver and a taker in this process, whose server writes back what it gets. */
class Scene {
  readonly clients: Client[] = [];
  /** What reached the taker of a connection, by the letter in its first line. */
  readonly mixed: string[] = [];
  readonly faults: unknown[] = [];
  handedOver = 0;
  readonly #listener: Server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  #givers: Givers<Client> | undefined;
  #taker: Taker | undefined;
  #lastLetter = 0;

  async open(): Promise<void> {
    const dir = temporaryFolder();
    const onFault = (error: unknown): void => void this.faults.push(error);
    this.#taker = await openTaker({
      dir,
      port: 1,
      name: 'taker',
      notes: true,
      onConnection: (connection) => this.#serve(connection),
      onCloseRequest: ({ socket }) => void socket.end(),
      onGiver: () => {},
      onFault,
    });
    this.#givers = await openGivers<Client>({
      dir,
      name: 'giver',
      events: {
        onEnd: ({ user }) => {
          user.handed = undefined;
        },
        onLeave: () => {},
        onOrphan: () => {},
        onDuplicate: () => false,
        onTaker: () => {},
        onFault,
      },
    });
    this.#listener.listen(0, '127.0.0.1');
    await once(this.#listener, 'listening');
    await expect.poll(() => this.#givers?.to(1)).toBeDefined();
  }

  /** The server of the taker: the first byte of a connection is its letter. */
  #serve(connection: TakenConnection): void {
    const { socket } = connection;
    let letter: string | undefined;
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString();
      if (letter === undefined) {
        letter = text[0] as string;
        const client = this.clients.find((one) => one.letter === letter);
        if (client !== undefined) client.taken = connection;
        socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
        socket.write(letter);
        return;
      }
      for (const byte of text) if (byte !== letter) this.mixed.push(`${byte} in ${letter}`);
      socket.write(text);
    });
  }

  async run([what, number]: Step): Promise<void> {
    const client = this.clients[number % Math.max(1, this.clients.length)];
    if (what === 'connect') await this.#connect();
    else if (client !== undefined) await this.#runWith(client, what);
    await new Promise(setImmediate);
  }

  async #connect(): Promise<void> {
    if (this.clients.length >= 40) return;
    const socket = connect((this.#listener.address() as AddressInfo).port, '127.0.0.1');
    const [accepted] = (await once(this.#listener, 'connection')) as [Socket];
    const letter = String.fromCharCode(0x41 + this.#lastLetter++);
    this.clients.push(new Client(letter, socket, accepted));
  }

  async #runWith(client: Client, what: Step[0]): Promise<void> {
    const { socket, handed } = client;
    if (what === 'offer' || what === 'give') await this.#offer(client);
    if (what === 'give') await client.accept?.();
    else if (what === 'withdraw') client.withdraw?.();
    else if (what === 'accept') await client.accept?.();
    else if (what === 'talk') socket.write(client.letter.repeat(3));
    else if (what === 'end') socket.end();
    else if (what === 'reset') socket.resetAndDestroy();
    else if (what === 'leave') await client.taken?.leave(Buffer.alloc(0));
    else if (what === 'stop') client.taken?.socket.destroy();
    else if (what === 'back' && handed?.state === 'alone') this.#takeBack(client, handed);
  }

  #takeBack(client: Client, handed: HandedOver<Client>): void {
    client.handed = undefined;
    const socket = handed.takeBack();
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('data', (chunk: Buffer) => {
      for (const byte of chunk.toString()) if (byte !== client.letter) this.mixed.push(`${byte} in ${client.letter}`);
      socket.write(chunk);
    });
    socket.resume();
  }

  async #offer(client: Client): Promise<void> {
    const { handed, accepted } = client;
    const isFree = handed === undefined ? !accepted.destroyed : handed.state === 'alone';
    if (!isFree || client.accept !== undefined) return;
    const offered = await (this.#givers as Givers<Client>).to(1)?.offer({
      client: handed ?? accepted,
      kind: handed === undefined ? 'upgrade' : 'session',
      head: Buffer.from(client.letter),
      record: Buffer.from(client.letter),
      timeoutMs: 5_000,
    });
    if (!offered?.ok) return;
    const { value } = offered;
    client.withdraw = () => {
      client.withdraw = undefined;
      client.accept = undefined;
      value.withdraw();
    };
    client.accept = async () => {
      client.withdraw = undefined;
      client.accept = undefined;
      const result = await value.accept({ user: client });
      if (!result.ok) return;
      client.handed = result.value;
      this.handedOver++;
    };
  }

  /** Closes everything, and waits until nothing is left. */
  async close(): Promise<void> {
    for (const { socket, accepted, withdraw } of this.clients) {
      withdraw?.();
      socket.destroy();
      accepted.destroy();
    }
    for (const { taken } of this.clients) taken?.socket.destroy();
    for (const { handed } of this.clients) if (handed?.state === 'alone') handed.release();
    await expect.poll(() => this.#givers?.size).toBe(0);
    await expect.poll(() => this.#taker?.size).toBe(0);
    this.#givers?.close();
    await this.#taker?.close();
    this.#listener.close();
    await once(this.#listener, 'close');
  }
}

test('nothing of one client is ever in another connection, and no descriptor is left, whatever happens to them', async () => {
  // Libraries are loaded, and files opened, by the first scene.
  const first = new Scene();
  await first.open();
  await first.close();
  const before = openDescriptors();
  const whats = [
    'connect',
    'connect',
    'connect',
    'give',
    'give',
    'give',
    'offer',
    'withdraw',
    'accept',
    'talk',
    'talk',
    'end',
    'reset',
    'leave',
    'leave',
    'back',
    'stop',
  ] as const;
  let handedOver = 0;
  const steps = fc.array(fc.tuple(fc.constantFrom(...whats), fc.nat(1_000)), { minLength: 100, maxLength: 300 });
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const scene = new Scene();
      await scene.open();
      try {
        for (const step of all) await scene.run(step);
        expect(scene.mixed).toEqual([]);
        for (const { letter, received } of scene.clients) {
          expect([...received].filter((byte) => byte !== letter)).toEqual([]);
        }
      } finally {
        await scene.close();
      }
      expect(scene.faults).toEqual([]);
      handedOver += scene.handedOver;
      await expect.poll(openDescriptors).toBeLessThanOrEqual(before);
    }),
    { numRuns: 20, endOnFailure: true },
  );
  expect(handedOver).toBeGreaterThan(50);
});
