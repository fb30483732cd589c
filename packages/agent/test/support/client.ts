import { type IncomingHttpHeaders, request as openRequest, type RequestOptions } from 'node:http';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { untilMatch } from './until.ts';

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: NodeJS.Dict<string>;
}

/** Sends one request on a connection of its own and reads the whole answer. */
export function send(url: string, options: RequestOptions & { body?: string | Buffer } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = openRequest(url, { agent: false, ...options }, async (answer) => {
      let body = '';
      try {
        for await (const chunk of answer) body += chunk;
      } catch (error) {
        reject(error);
        return;
      }
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body, trailers: answer.trailers });
    });
    // Node gives a DELETE with a body no framing of its own.
    if (options.body !== undefined && !request.hasHeader('transfer-encoding')) {
      request.setHeader('content-length', Buffer.byteLength(options.body));
    }
    request.on('error', reject);
    request.end(options.body);
  });
}

/** The code in a refusal's body. */
export function codeOf(answer: Answer): string {
  return JSON.parse(answer.body).error.code;
}

/** A bare connection, for bytes that no client library would send. */
export interface RawClient {
  readonly socket: Socket;
  /** All that came so far. */
  text(): string;
  /** Resolves when what came matches. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves with all that came when the other side closed. */
  closed(): Promise<string>;
}

export async function openRaw(port: number, bytes = ''): Promise<RawClient> {
  const raw = await openUnkept(port, bytes);
  onTestFinished(() => void raw.socket.destroy());
  return raw;
}

/** The same for a test of thousands, which sees to the end of each itself: what is to be done after a test is kept until then. */
export async function openUnkept(port: number, bytes = ''): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1');
  const raw = follow(socket);
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(bytes, 'latin1');
  return raw;
}

/** Follows what comes on a connection. */
export function follow(socket: Socket): RawClient {
  const chunks: Buffer[] = [];
  socket.on('error', () => {});
  socket.on('data', (chunk) => chunks.push(chunk));
  const text = (): string => Buffer.concat(chunks).toString('latin1');
  return {
    socket,
    text,
    until: (pattern) => untilMatch(socket, text, pattern),
    closed: () =>
      new Promise((resolve) => {
        if (socket.closed) resolve(text());
        socket.once('close', () => resolve(text()));
      }),
  };
}

/** The bytes of a correct WebSocket handshake. */
export function handshakeBytes(path: string, headers: Readonly<Record<string, string>> = {}): string {
  const all = {
    Host: 'gateway.test',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  };
  const lines = Object.entries(all)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** What a target answers to {@link handshakeBytes} (the example of RFC 6455 section 1.3). */
export const sampleAnswer =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';
