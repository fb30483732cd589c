import type { PushServer } from '@gopush/push-server';
import { expect } from 'vitest';
import { connectClient } from '../../../../../test/support/socket-io.ts';
import { undisturbed } from '../../../../../test/support/undisturbed.ts';

/** A client in the room `hall`, and the numbers that it hears there. */
export async function joinHall(url: string, transport: 'websocket' | 'upgrade' = 'websocket') {
  const client = await connectClient(url, transport);
  const checkUndisturbed = undisturbed(client);
  await client.emitWithAck('go:join', 'hall');
  const heard: number[] = [];
  client.on('n', (n: number) => heard.push(n));
  return { client, heard, checkUndisturbed };
}

/** Publishes the numbers from 0 on to the hall, one in each interval, in milliseconds. */
export function publishNumbers(server: PushServer, everyMs: number) {
  let n = 0;
  const timer = setInterval(() => void server.push.toRoom('hall', 'n', n++, { keep: 'must' }), everyMs);
  return {
    /** Stops, and waits until a client has heard the last one, and each since its first one once. */
    async heardBy(heard: readonly number[]): Promise<void> {
      clearInterval(timer);
      await expect.poll(() => heard.at(-1)).toBe(n - 1);
      expect(heard).toEqual(Array.from({ length: n - (heard[0] as number) }, (_, at) => (heard[0] as number) + at));
    },
  };
}
