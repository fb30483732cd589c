import type { Socket } from 'socket.io-client';
import { expect } from 'vitest';

/** Counts what a client may not notice. @returns a check that it has noticed nothing */
export function undisturbed(client: Socket): () => void {
  const { id } = client;
  let disconnects = 0;
  client.on('disconnect', () => disconnects++);
  return () => expect({ disconnects, id: client.id }).toEqual({ disconnects: 0, id });
}
