import { setTimeout as delay } from 'node:timers/promises';
import type { Socket } from 'socket.io-client';
import { expect } from 'vitest';
import { connectClient } from './socket-io.ts';

/** What clients have noticed together. */
export interface Noticed {
  readonly disconnects: number;
  /** Clients that have had each number once and in order. */
  readonly complete: number;
}

/** `pushServer.history` for them: while a whole service restarts on a busy machine, more than the default of 100 messages are published. */
export const countedHistory = { count: 10_000 };

/** How long an ack may take, in milliseconds: a push-server that ends sends no ack that its handlers have not given in time. */
const ackMs = 3_000;

/**
 * Publishes a number until it is acknowledged, always with the same id. It is then stored once, and a client that does not get it has lost it.
 * Without acks it could not be known whether a push-server had ever read it.
 */
async function publish(speaker: Socket, number: number): Promise<void> {
  while (speaker.connected) {
    const ack = await speaker
      .timeout(ackMs)
      .emitWithAck('go:publish', { room: 'lobby', event: 'count', message: number, id: `count ${number}` })
      .catch(() => undefined);
    if (ack?.ok === true) return;
    // Everything else passes by itself: no response, or one that says that the store was away.
    const code = ack?.error.code;
    if (code !== undefined && code !== 'not_durable') throw new Error(`${number} was refused: ${code}`);
  }
}

/** Clients in one room, and one more that says numbers there; each counts what it misses and what it notices. */
export async function connectCounted(url: string, count: number): Promise<{ stop(): Promise<Noticed> }> {
  const clients = await Promise.all(
    Array.from({ length: count }, (_, index) => connectClient(url, 'websocket', { query: { user: `u${index}` } })),
  );
  await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'lobby')));
  const disconnects: string[] = [];
  const heard = clients.map((client, index) => {
    const numbers: number[] = [];
    client.on('disconnect', (reason) => disconnects.push(`u${index}: ${reason} after ${numbers.at(-1)}`));
    client.on('count', (message: number) => numbers.push(message));
    return numbers;
  });
  const speaker = await connectClient(url, 'websocket', { query: { user: 'speaker' } });
  speaker.on('disconnect', (reason) => disconnects.push(`speaker: ${reason} after ${said}`));
  await speaker.emitWithAck('go:join', 'lobby');
  let said = 0;
  let isOver = false;
  const speak = async (): Promise<void> => {
    for (; !isOver && speaker.connected; said++) {
      await publish(speaker, said);
      await delay(100);
    }
  };
  const speaking = speak();
  return {
    async stop() {
      isOver = true;
      await speaking;
      const numbersSaid = Array.from({ length: said }, (_, index) => index);
      // With who was disconnected, if a number is missing.
      const missed = () => {
        const missing = heard.flatMap((numbers, index) => {
          const heardOnce = new Set(numbers);
          const gaps = numbersSaid.filter((number) => !heardOnce.has(number));
          return gaps.length === 0 ? [] : [`u${index} misses ${gaps} of ${said}`];
        });
        return missing.length === 0 ? [] : [...missing, ...disconnects];
      };
      await expect.poll(missed, { timeout: 10_000 }).toEqual([]);
      for (const client of [...clients, speaker]) client.off('disconnect').disconnect();
      return {
        disconnects: disconnects.length,
        complete: heard.filter((numbers) => numbers.join() === numbersSaid.join()).length,
      };
    },
  };
}
