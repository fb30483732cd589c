import type { Socket } from 'socket.io-client';
import { expect } from 'vitest';

/** The events of a client about its connection, and the numbers that it got in a room. */
export interface Record {
  disconnects: number;
  readonly numbers: number[];
  answered: number;
  unanswered: number;
}

/** Writes down what a client sees from now on. */
export function record(client: Pick<Socket, 'on'>): Record {
  const seen: Record = { disconnects: 0, numbers: [], answered: 0, unanswered: 0 };
  client.on('disconnect', () => void seen.disconnects++);
  client.on('count', (message: number) => void seen.numbers.push(message));
  return seen;
}

/**
 * An ack is always in flight, until `going` says no.
 *
 * @param afterMs - how long the handler of `ask` takes to answer
 */
export async function askOn(
  client: Socket,
  seen: Record,
  going: () => boolean,
  { afterMs, timeoutMs }: { readonly afterMs: number; readonly timeoutMs: number },
): Promise<void> {
  while (going()) {
    const answer = await client
      .timeout(timeoutMs)
      .emitWithAck('ask', afterMs)
      .catch(() => undefined);
    if (answer === 'answer') seen.answered++;
    else seen.unanswered++;
  }
}

/** The sums of all clients, for the numbers from 0 to below `said`. */
export function sum(records: readonly Record[], said: number) {
  const total = { disconnects: 0, received: 0, lost: 0, doubled: 0, misordered: 0, answered: 0, unanswered: 0 };
  for (const { disconnects, numbers, answered, unanswered } of records) {
    const distinct = new Set(numbers);
    total.disconnects += disconnects;
    total.answered += answered;
    total.unanswered += unanswered;
    total.received += numbers.length;
    total.lost += said - distinct.size;
    total.doubled += numbers.length - distinct.size;
    for (let index = 1; index < numbers.length; index++) {
      if ((numbers[index] as number) < (numbers[index - 1] as number)) total.misordered++;
    }
  }
  return total;
}

/** Waits until all have what was said last. */
export async function allHave(records: readonly Record[], last: number): Promise<void> {
  await expect.poll(() => records.filter(({ numbers }) => numbers.at(-1) !== last).length, { timeout: 15_000 }).toBe(0);
}
