import type { Socket } from 'node:net';

/**
 * A connection is paced if it brings at least this many chunks of a body in one turn of the event loop, and they have at most this many bytes on
 * average. A chunk takes far more time than its bytes: the reads of one turn hold tens of thousands of them, and four such clients would leave no
 * time for all others.
 */
const many = { chunks: 64, bytes: 256 } as const;

/** All such clients together get this part of the time: one in four. */
const share = 4;

/** Shortest time between two turns of theirs, in milliseconds. */
const leastRestMs = 2;

/** The connection that is being read in this turn, and the chunks and bytes that have arrived on it. */
let counted: Socket | undefined;
let chunks = 0;
let bytes = 0;
let since = 0;

/** Clients that wait for their turn to be read, in order, and how long reading the last one has taken, in milliseconds. */
const resting = new Set<Socket>();
let timer: NodeJS.Timeout | undefined;
let costMs = 0;

/** Counts a chunk of a body. A connection that brings many small ones in a turn is paused, and waits for its turn. */
export function countChunk(socket: Socket, length: number): void {
  if (socket !== counted) begin(socket);
  chunks++;
  bytes += length;
  if (chunks % many.chunks !== 0 || bytes > chunks * many.bytes) return;
  costMs = performance.now() - since;
  if (resting.has(socket)) return;
  resting.add(socket);
  // Bytes that were already read are still parsed.
  socket.pause();
  if (timer === undefined) setImmediate(scheduleNext);
}

/** Whether a connection waits for its turn to be read. */
export function isResting(socket: Socket): boolean {
  return resting.size > 0 && resting.has(socket);
}

function begin(socket: Socket): void {
  if (counted === undefined) setImmediate(endTurn);
  counted = socket;
  chunks = 0;
  bytes = 0;
  since = performance.now();
}

function endTurn(): void {
  counted = undefined;
}

function scheduleNext(): void {
  timer ??= setTimeout(readNext, Math.max(leastRestMs, costMs * (share - 1)));
}

function readNext(): void {
  timer = undefined;
  for (const socket of resting) {
    resting.delete(socket);
    if (socket.destroyed) continue;
    socket.resume();
    break;
  }
  if (resting.size > 0) scheduleNext();
}
