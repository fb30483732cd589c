import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request as requestTarget, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type Counts, type Ending, type Giver, type Givers, type HandedOver, openGivers } from '@gopush/hand-off';
import { expect, onTestFinished } from 'vitest';

/** A folder for hand-offs that nobody else has access to. */
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
  /** Port of the target to which it gives sessions that leave; absent: they stay with it. */
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
  /** How many sessions go on at another target. */
  readonly moved: () => number;
  /** Why offers came to nothing. */
  readonly refused: readonly string[];
}

export async function startFront({ dir, port, headers = '', next }: FrontOptions): Promise<Front> {
  const handed: HandedOver<Client>[] = [];
  const ended: (Ending & Counts)[] = [];
  const left: Buffer[] = [];
  const refused: string[] = [];
  let moved = 0;
  const faults: unknown[] = [];
  const givers = await openGivers<Client>({
    dir,
    name: 'front',
    events: {
      onEnd: (_handed, ending) => void ended.push(ending),
      onLeave(one, unread) {
        left.push(Buffer.from(unread));
        if (next !== undefined) void giveTo(next(), one, Buffer.from(unread)).catch((error) => faults.push(error));
      },
      // A target that lives goes on with it alone.
      onOrphan: (one) => void one.takeBack().destroy(),
      onDuplicate: () => true,
      onTaker() {},
      onFault: (error) => void faults.push(error),
    },
  });
  givers.want(next === undefined ? [port] : [port, next()]);
  const server = createServer((request, response) => forward(request, response, port, headers));
  server.on(
    'upgrade',
    (request, socket, head) => void offer(request, socket, head).catch((error) => faults.push(error)),
  );

  async function offer(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => {});
    const text = headOf(request, headers);
    const giver = await giverTo(port);
    const offered = await giver?.offer({
      client: socket as Socket,
      kind: 'upgrade',
      head: Buffer.from(text, 'latin1'),
      record: Buffer.alloc(0),
      timeoutMs: 5_000,
    });
    if (offered === undefined || !offered.ok) {
      refused.push(offered === undefined ? 'no giver' : `${offered.cause}: ${offered.detail}`);
      socket.end(`HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const { head: response, body } = offered.value;
    if (body !== undefined) {
      socket.end(Buffer.concat([response, body]));
      return;
    }
    const user = { head: text, token: headerOf(response, 'x-gopush-resume') };
    const accepted = await offered.value.accept({ user, write: response, early: head });
    if (accepted.ok) handed.push(accepted.value);
    else refused.push(`${accepted.cause}: ${accepted.detail}`);
  }

  async function giverTo(target: number): Promise<Giver<Client> | undefined> {
    await expect.poll(() => givers.to(target)).toBeDefined();
    return givers.to(target);
  }

  /** As an agent does when a session migrates. */
  async function giveTo(target: number, one: HandedOver<Client>, unread: Buffer): Promise<void> {
    const { head, token } = one.user;
    const giver = await giverTo(target);
    const offered = await giver?.offer({
      client: one,
      kind: 'session',
      head: Buffer.from(head.replace(/\r\n\r\n$/, `\r\nx-gopush-resume: ${token}\r\n\r\n`), 'latin1'),
      record: Buffer.alloc(0),
      timeoutMs: 5_000,
    });
    if (offered?.ok !== true || offered.value.body !== undefined)
      throw new Error(`not taken: ${JSON.stringify(offered)}`);
    const skipFrames = Number(headerOf(offered.value.head, 'x-gopush-resume-skip'));
    const user = { head, token: headerOf(offered.value.head, 'x-gopush-resume') };
    const accepted = await offered.value.accept({ user, early: unread, skipFrames });
    if (!accepted.ok) throw new Error(`${accepted.cause}: ${accepted.detail}`);
    moved++;
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    givers.close();
    server.closeAllConnections();
    server.close();
    expect(faults).toEqual([]);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    givers,
    handed,
    ended,
    left,
    refused,
    moved: () => moved,
  };
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
