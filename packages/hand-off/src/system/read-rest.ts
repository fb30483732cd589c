import { readSync } from 'node:fs';
import type { Socket } from 'node:net';
import { descriptorOf } from './descriptor-of.ts';

/** Bytes of one read. */
const chunkBytes = 64 * 1024;

/** More than the kernel keeps for a Unix socket (net.core.wmem_max): a peer that sends on and on is not read any further. */
const maxRestBytes = 8 * 1024 * 1024;

/**
 * Reads all that has arrived on a connection and that Node has not read. For a connection of which a write has failed: Node closes it next,
 * and would lose what its peer had sent before it closed.
 */
export function readRest(socket: Socket): Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  for (let chunk = readSome(socket); chunk.length > 0 && size < maxRestBytes; chunk = readSome(socket)) {
    chunks.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(chunks);
}

function readSome(socket: Socket): Buffer {
  const descriptor = descriptorOf(socket);
  if (descriptor < 0) return Buffer.alloc(0);
  const chunk = Buffer.allocUnsafe(chunkBytes);
  try {
    return chunk.subarray(0, readSync(descriptor, chunk));
  } catch {
    // Nothing is there (EAGAIN), or the connection has failed.
    return Buffer.alloc(0);
  }
}
