import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { startRawTarget } from './target.ts';
import { untilMatch } from './until.ts';

/** A promise and what settles it, for tests that wait until something was reached. */
export interface Signal<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

export function createSignal<T = void>(): Signal<T> {
  let resolve = (_value: T): void => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve: (value) => resolve(value) };
}

/** How many TCP sockets this process has, connecting ones among them: the test's, the agent's and the targets' alike. */
export function countTcp(): number {
  return process.getActiveResourcesInfo().filter((one) => /^TCP(Socket|Connect)Wrap$/.test(one)).length;
}

/** What one connection to a target brought, and how it ended. */
export interface SeenConnection {
  readonly socket: Socket;
  /** All that came so far. */
  text(): string;
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves when the socket is closed: with the error that ended it, or with nothing. */
  readonly gone: Promise<NodeJS.ErrnoException | undefined>;
}

/** A TCP target that remembers what its connections brought. */
export async function startSeeingTarget(onConnection: (seen: SeenConnection) => void = () => {}) {
  const connections: SeenConnection[] = [];
  const waiting: ((seen: SeenConnection) => void)[] = [];
  const address = await startRawTarget((socket) => {
    const chunks: Buffer[] = [];
    const text = (): string => Buffer.concat(chunks).toString('latin1');
    let error: NodeJS.ErrnoException | undefined;
    const seen: SeenConnection = {
      socket,
      text,
      until: (pattern) => untilMatch(socket, text, pattern),
      gone: new Promise((resolve) => {
        socket.once('error', (failure) => {
          error = failure;
        });
        socket.once('close', () => resolve(error));
      }),
    };
    socket.on('data', (chunk) => chunks.push(chunk));
    connections.push(seen);
    onConnection(seen);
    waiting.shift()?.(seen);
  });
  return {
    ...address,
    connections,
    /** The next connection that comes. */
    next: () => new Promise<SeenConnection>((resolve) => waiting.push(resolve)),
  };
}

/** How many requests begin in these bytes: more than were sent is what smuggling looks like. */
export function countRequests(text: string): number {
  return text.match(/^[A-Z]+ \/\S* HTTP\/1\.[01]\r$/gm)?.length ?? 0;
}

/** A connection that reads nothing until it is resumed. */
export async function openSilentReader(port: number, bytes: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.pause();
  socket.write(bytes, 'latin1');
  return socket;
}

/** Answers each request of a connection with the head that came, as a body, and closes. */
export function echoHead({ socket, until }: SeenConnection): void {
  until(/^[\s\S]*?\r\n\r\n/).then(
    ([head]) =>
      socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${head.length}\r\nconnection: close\r\n\r\n${head}`, 'latin1'),
    () => {},
  );
}

/** For `expect.poll`: long enough for a busy machine, and over as soon as it is so. */
export const patiently = { timeout: 10_000 } as const;
