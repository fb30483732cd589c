import type { Socket } from 'node:net';

/**
 * So many chunks of a body in one turn of the event loop are many where they are small on average, in bytes: each costs far more than its bytes.
 * Tens of thousands fit into the reads of one turn, and those of four clients would leave no time for all others.
 */
const many = { chunks: 64, bytes: 256 } as const;

/** Such clients have one part of the time in so many, all together. */
const share = 4;

/** Between two turns of theirs at least, in milliseconds. */
const leastRestMs = 2;

/** What has come of the connection that is being read, in this turn. */
let counted: Socket | undefined;
let chunks = 0;
let bytes = 0;
let since = 0;

/** Clients that are not read from until it is their turn, in order, and how long the one that was read last has taken, in milliseconds. */
const resting = new Set<Socket>();
let timer: NodeJS.Timeout | undefined;
let costMs = 0;

/** Counts a piece of a body. A connection that brings many small ones in a turn rests afterwards. */
export function countChunk(socket: Socket, length: number): void {
  if (socket !== counted) begin(socket);
  chunks++;
  bytes += length;
  if (chunks % many.chunks !== 0 || bytes > chunks * many.bytes) return;
  costMs = performance.now() - since;
  if (resting.has(socket)) return;
  resting.add(socket);
  // What has been read already is still parsed.
  socket.pause();
  if (timer === undefined) setImmediate(rest);
}

/** Whether a connection is to wait for its turn before it is read from again. */
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

function rest(): void {
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
  if (resting.size > 0) rest();
}
