import { once } from 'node:events';
import { request } from 'node:http';
import type { PushServer } from '@gopush/push-server';
import { expect, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { keys } from './api.ts';

/** An event of a listener. */
export interface Heard {
  readonly type: string;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: any JSON, of which each test knows the shape
  readonly data: any;
}

/** A listener of a test. */
export interface TestListener {
  /** The next event. */
  next(): Promise<Heard>;
  readonly ended: Promise<{ code?: number; text: string }>;
  close(): void;
}

/** Gives what came, one after the other. */
function createInbox(): { push(one: Heard): void; next(): Promise<Heard> } {
  const waiting: Heard[] = [];
  const asking: ((one: Heard) => void)[] = [];
  return {
    push(one) {
      const ask = asking.shift();
      if (ask === undefined) waiting.push(one);
      else ask(one);
    },
    next: () => {
      const one = waiting.shift();
      return one === undefined ? new Promise((resolve) => asking.push(resolve)) : Promise.resolve(one);
    },
  };
}

/** Listens by Server-Sent Events, over a connection of its own. */
export async function listenSse(
  server: Pick<PushServer, 'url'>,
  query: string,
  headers: Record<string, string> = { 'x-api-key': keys.read },
): Promise<TestListener> {
  const inbox = createInbox();
  const asked = request(`${server.url}/api/v1/listen?${query}`, { headers, agent: false });
  asked.end();
  asked.on('error', () => {});
  onTestFinished(() => void asked.destroy());
  const [response] = await once(asked, 'response');
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toMatch(/^text\/event-stream/);
  let text = '';
  let rest = '';
  response.on('data', (chunk: Buffer) => {
    text += chunk;
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
      const data = field('data');
      if (data !== undefined) inbox.push({ type: field('event') ?? '', id: field('id') ?? '', data: JSON.parse(data) });
    }
  });
  response.on('error', () => {});
  const ended = new Promise<{ text: string }>((resolve) => response.on('close', () => resolve({ text })));
  return { next: inbox.next, ended, close: () => asked.destroy() };
}

/** Listens by a WebSocket. */
export async function listenWs(
  server: Pick<PushServer, 'url'>,
  query: string,
  headers: Record<string, string> = { 'x-api-key': keys.read },
): Promise<TestListener> {
  const inbox = createInbox();
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/listen?${query}`, { headers });
  onTestFinished(() => socket.terminate());
  socket.on('message', (bytes) => {
    const { type, id, ...data } = JSON.parse(String(bytes));
    inbox.push({ type, id, data });
  });
  const ended = new Promise<{ code: number; text: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, text: String(reason) }));
  });
  await once(socket, 'open');
  return { next: inbox.next, ended, close: () => socket.close() };
}

/** How a listener may come. */
export const listenerKinds = { SSE: listenSse, WebSocket: listenWs };
