import { expect } from 'vitest';
import { connectClient } from './socket-io.ts';

/** What clients have noticed together. */
export interface Noticed {
  readonly disconnects: number;
  /** Clients that have had each number once and in order. */
  readonly complete: number;
}

/** Clients in one room, and one more that says numbers there; each counts what it misses and what it notices. */
export async function connectCounted(url: string, count: number): Promise<{ stop(): Promise<Noticed> }> {
  const clients = await Promise.all(
    Array.from({ length: count }, (_, index) => connectClient(url, 'websocket', { query: { user: `u${index}` } })),
  );
  await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'lobby')));
  let disconnects = 0;
  const heard = clients.map((client) => {
    const numbers: number[] = [];
    client.on('disconnect', () => disconnects++);
    client.on('count', ({ message }: { message: number }) => numbers.push(message));
    return numbers;
  });
  let said = 0;
  const speaker = await connectClient(url, 'websocket', { query: { user: 'speaker' } });
  speaker.on('disconnect', () => disconnects++);
  const timer = setInterval(() => speaker.emit('room', { room: 'lobby', event: 'count', message: said++ }), 50);
  return {
    async stop() {
      clearInterval(timer);
      const all = Array.from({ length: said }, (_, index) => index);
      await expect.poll(() => heard.every((numbers) => numbers.length >= said), { timeout: 10_000 }).toBe(true);
      for (const client of [...clients, speaker]) client.off('disconnect').disconnect();
      return { disconnects, complete: heard.filter((numbers) => numbers.join() === all.join()).length };
    },
  };
}
