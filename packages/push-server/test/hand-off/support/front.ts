import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request as requestTarget, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { writeNumberedPosition } from '@gopush/contract';
import {
  type Counts,
  type Ending,
  type Giver,
  type Givers,
  type HandedOver,
  type Mark,
  type Orphan,
  openGivers,
} from '@gopush/hand-off';
import { expect, onTestFinished } from 'vitest';

/** A folder for hand-offs that only this user can enter. */
export async function makeFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hand-off-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** What a front is started with. */
export interface FrontOptions {
  readonly dir: string;
  /** Port of the target. */
  readonly port: number;
  /** Lines of headers that it adds to each request, each ending with CRLF. */
  readonly headers?: string;
  /** Port of the target to which it gives sessions that leave, and those of a target that dies; absent: they stay with it. */
  readonly next?: () => number;
}

/** What it keeps with each connection. */
interface Client {
  /** The head of its request. */
  readonly head: string;
  /** By which the next target finds its session. */
  readonly token: string | undefined;
}

/** The smallest gateway that hands connections over: it offers each upgrade to one target, and forwards all other requests. */
export interface Front {
  readonly url: string;
  readonly givers: Givers<Client>;
  /** What was handed over, oldest first. */
  readonly handed: readonly HandedOver<Client>[];
  /** What has ended. */
  readonly ended: readonly (Ending & Counts)[];
  /** What has been given back: the bytes that its target had read too far. */
  readonly left: readonly Buffer[];
  /** How many sessions continue at another target. */
  readonly moved: () => number;
  /** What is known of connections whose target was gone. */
  readonly orphans: readonly Orphan[];
  /** Why offers came to nothing. */
  readonly refused: readonly string[];
}

/** Hands clients over, and on. */
class Handing implements Pick<Front, 'handed' | 'ended' | 'left' | 'orphans' | 'refused'> {
  readonly handed: HandedOver<Client>[] = [];
  readonly ended: (Ending & Counts)[] = [];
  readonly left: Buffer[] = [];
  readonly refused: string[] = [];
  readonly orphans: Orphan[] = [];
  readonly faults: unknown[] = [];
  moved = 0;
  readonly #options: FrontOptions;
  #givers: Givers<Client> | undefined = undefined;

  constructor(options: FrontOptions) {
    this.#options = options;
  }

  async open(): Promise<Givers<Client>> {
    const { dir, port, next } = this.#options;
    const onFault = (error: unknown): void => void this.faults.push(error);
    const givers = await openGivers<Client>({
      dir,
      name: 'front',
      events: {
        onEnd: (_handed, ending) => void this.ended.push(ending),
        onLeave: (one, unread) => this.#onLeave(one, Buffer.from(unread)),
        onOrphan: (one, orphan) => this.#onOrphan(one, orphan),
        onDuplicate: () => true,
        onTaker() {},
        onFault,
      },
    });
    givers.want(next === undefined ? [port] : [port, next()]);
    this.#givers = givers;
    return givers;
  }

  async offer(request: IncomingMessage, socket: Duplex, early: Buffer): Promise<void> {
    socket.on('error', () => {});
    const { port, headers = '' } = this.#options;
    const text = headOf(request, headers);
    const giver = await this.#giverTo(port);
    const offered = await giver?.offer({
      client: socket as Socket,
      kind: 'upgrade',
      head: Buffer.from(text, 'latin1'),
      record: Buffer.alloc(0),
      timeoutMs: 5_000,
    });
    if (offered === undefined || !offered.ok) {
      this.refused.push(offered === undefined ? 'no giver' : `${offered.cause}: ${offered.detail}`);
      socket.end(`HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const { head, body } = offered.value;
    if (body !== undefined) {
      socket.end(Buffer.concat([head, body]));
      return;
    }
    const user = { head: text, token: headerOf(head, 'x-gopush-resume') };
    const accepted = await offered.value.accept({ user, write: head, early });
    if (accepted.ok) this.handed.push(accepted.value);
    else this.refused.push(`${accepted.cause}: ${accepted.detail}`);
  }

  async #giverTo(port: number): Promise<Giver<Client> | undefined> {
    await expect.poll(() => this.#givers?.to(port)).toBeDefined();
    return this.#givers?.to(port);
  }

  #onLeave(one: HandedOver<Client>, unread: Buffer): void {
    this.left.push(unread);
    if (this.#options.next !== undefined) this.#giveOn(one, unread, []);
  }

  #onOrphan(one: HandedOver<Client>, orphan: Orphan): void {
    this.orphans.push(orphan);
    // A target that lives continues with it alone.
    if (this.#options.next === undefined) one.takeBack().destroy();
    else if (orphan.taker === 'clean') this.#giveOn(one, orphan.unread ?? Buffer.alloc(0), orphan.marks);
    else one.cut();
  }

  #giveOn(one: HandedOver<Client>, unread: Buffer, marks: readonly Mark[]): void {
    void this.#giveTo(this.#options.next?.() ?? 0, one, unread, marks).catch((error) => this.faults.push(error));
  }

  /** As an agent does when a session migrates, or fails over. */
  async #giveTo(port: number, one: HandedOver<Client>, unread: Buffer, marks: readonly Mark[]): Promise<void> {
    const { head, token } = one.user;
    const given = marks.map(({ stream, offset }) => writeNumberedPosition({ number: stream, offset })).join();
    const more = `x-gopush-resume: ${token}\r\nx-gopush-resume-after: ${given}`;
    const giver = await this.#giverTo(port);
    const offered = await giver?.offer({
      client: one,
      kind: 'session',
      head: Buffer.from(head.replace(/\r\n\r\n$/, `\r\n${more}\r\n\r\n`), 'latin1'),
      record: Buffer.alloc(0),
      timeoutMs: 5_000,
    });
    if (offered?.ok !== true || offered.value.body !== undefined)
      throw new Error(`not taken: ${JSON.stringify(offered)}`);
    const skipFrames = Number(headerOf(offered.value.head, 'x-gopush-resume-skip'));
    const user = { head, token: headerOf(offered.value.head, 'x-gopush-resume') };
    const accepted = await offered.value.accept({ user, early: unread, skipFrames });
    if (!accepted.ok) throw new Error(`${accepted.cause}: ${accepted.detail}`);
    this.moved++;
  }
}

export async function startFront(options: FrontOptions): Promise<Front> {
  const { port, headers = '' } = options;
  const handing = new Handing(options);
  const givers = await handing.open();
  const server = createServer((request, response) => forward(request, response, port, headers));
  server.on('upgrade', (request, socket, early) => {
    handing.offer(request, socket, early).catch((error) => handing.faults.push(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    givers.close();
    server.closeAllConnections();
    server.close();
    expect(handing.faults).toEqual([]);
  });
  const { handed, ended, left, orphans, refused } = handing;
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, givers, handed, ended, left, orphans, refused, moved: () => handing.moved };
}

function headerOf(head: Buffer, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}: ([^\\r]*)`, 'i').exec(head.toString('latin1'))?.[1];
}

function headOf({ method, url, rawHeaders }: IncomingMessage, more: string): string {
  let text = `${method} ${url} HTTP/1.1\r\n`;
  for (let at = 0; at < rawHeaders.length; at += 2) text += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
  return `${text}${more}\r\n`;
}

function forward(request: IncomingMessage, response: ServerResponse, port: number, more: string): void {
  const { method, url, headers } = request;
  const added = Object.fromEntries(
    more
      .split('\r\n')
      .filter(Boolean)
      .map((line) => line.split(': ')),
  );
  const forwarded = requestTarget({ port, method, path: url, headers: { ...headers, ...added } }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  forwarded.on('error', () => response.destroy());
  request.pipe(forwarded);
}
