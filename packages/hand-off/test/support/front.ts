import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import type { GiverEvents, TakerState } from '../../src/giver/giver-events.ts';
import type { Giver, Givers, NotOffered } from '../../src/giver/givers.ts';
import type { HandedOver } from '../../src/giver/handed-over.ts';
import { openGivers } from '../../src/giver/open-givers.ts';

/** A folder for sockets, removed when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ho-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What has been told of connections that were handed over, in order. */
interface Told {
  readonly event: 'end' | 'leave' | 'orphan' | 'duplicate';
  readonly handed: HandedOver<string>;
  readonly detail: unknown;
}

/** A giving process: an HTTP server that offers every upgrade to a taker. */
export interface Front {
  readonly givers: Givers<string>;
  readonly port: number;
  readonly handed: HandedOver<string>[];
  readonly told: Told[];
  readonly takers: TakerState[];
  readonly faults: unknown[];
  /** Why offers came to nothing. */
  readonly refused: { readonly cause: NotOffered; readonly detail: string }[];
  readonly server: Server;
  /** A giver, when there is one. */
  giver(port?: number): Promise<Giver<string>>;
}

/** The request as a taker's port would get it. */
export function headOf({ method, url, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/1.1`];
  for (let index = 0; index < rawHeaders.length; index += 2)
    lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** @param takerPort - whose takers get the upgrades */
export async function openFront(
  dir: string,
  takerPort: number,
  events: Partial<GiverEvents<string>> = {},
): Promise<Front> {
  const told: Told[] = [];
  const takers: TakerState[] = [];
  const faults: unknown[] = [];
  const handed: HandedOver<string>[] = [];
  const refused: Front['refused'] = [];
  const givers = await openGivers<string>({
    dir,
    name: 'front',
    events: {
      onEnd: (of, detail) => told.push({ event: 'end', handed: of, detail }),
      onLeave: (of, detail) => told.push({ event: 'leave', handed: of, detail }),
      onOrphan: (of, detail) => told.push({ event: 'orphan', handed: of, detail }),
      onDuplicate: (of, record) => {
        of.user = record.toString();
        handed.push(of);
        told.push({ event: 'duplicate', handed: of, detail: record.toString() });
        return true;
      },
      onTaker: (state) => takers.push(state),
      onFault: (error) => faults.push(error),
      ...events,
    },
  });
  givers.want([takerPort]);
  const server = createServer((_, response) => response.end('not handed over'));
  server.on('upgrade', async (request: IncomingMessage, socket: Socket, early: Buffer) => {
    socket.on('error', () => {});
    const giver = givers.to(takerPort);
    if (giver === undefined) {
      refused.push({ cause: 'lost', detail: 'there is no taker' });
      socket.end('HTTP/1.1 503 No Taker\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const name = request.url ?? '';
    const offer = { client: socket, kind: 'upgrade', head: headOf(request), record: Buffer.from(name) } as const;
    const offered = await giver.offer({ ...offer, timeoutMs: 5_000 });
    if (!offered.ok) {
      refused.push(offered);
      socket.end('HTTP/1.1 502 Refused\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const { head, body } = offered.value;
    if (body !== undefined) {
      socket.end(Buffer.concat([head, body]));
      return;
    }
    // The path says by which of the two the record goes.
    const record = name === '/?later' ? Buffer.from(`${name} said more`) : undefined;
    const accepted = await offered.value.accept({ user: name, record, write: head, early });
    if (accepted.ok) handed.push(accepted.value);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    givers.close();
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const giver = async (of = takerPort): Promise<Giver<string>> => {
    await expect.poll(() => givers.to(of)).toBeDefined();
    return givers.to(of) as Giver<string>;
  };
  return { givers, port, handed, told, takers, faults, refused, server, giver };
}

/** A WebSocket client whose messages can be awaited one by one. */
export interface Client {
  readonly socket: WebSocket;
  /** Messages that were not awaited. */
  readonly messages: string[];
  readonly closed: Promise<number>;
  next(): Promise<string>;
}

export function connectClient(port: number, path = '/'): Client {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false });
  const messages: string[] = [];
  socket.on('message', (data) => messages.push(String(data)));
  socket.on('error', () => {});
  onTestFinished(() => socket.terminate());
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  const next = async (): Promise<string> => {
    await expect.poll(() => messages.length).toBeGreaterThan(0);
    return messages.shift() as string;
  };
  return { socket, messages, closed, next };
}

/** A WebSocket handshake, for a client that is a plain socket. */
export const upgradeRequest = [
  'GET / HTTP/1.1',
  'Host: a',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  '\r\n',
].join('\r\n');
