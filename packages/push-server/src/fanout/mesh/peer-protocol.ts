import type { Socket } from 'node:net';

/** What whoever has dialled sends: its messages. */
export const forward = {
  /** The first: {@link greetingOf}. */
  hello: 1,
  /** What it sends from now on is complete; one byte: whether messages before it may have been lost. */
  open: 2,
  message: 3,
  beat: 4,
  /** It knows of a bucket that is followed, and sends what belongs there after this. */
  followed: 5,
} as const;

/** What whoever was dialled sends back: which of these messages it wants. */
export const back = {
  /** Answers the greeting, with the buckets that are followed. */
  welcome: 1,
  beat: 2,
  follow: 3,
  unfollow: 4,
} as const;

/** Where peers differ in what they expect of each other they must not meet. */
const version = 'gopush mesh 2 ';

export function greetingOf(node: string): Buffer {
  return Buffer.from(version + node, 'latin1');
}

/** @returns the name of the node, `undefined` for what is no greeting */
export function readGreeting(payload: Buffer): string | undefined {
  const text = payload.toString('latin1');
  const node = text.startsWith(version) ? text.slice(version.length) : '';
  return isNodeName(node) ? node : undefined;
}

/** Names of nodes become parts of paths. */
export function isNodeName(text: string): boolean {
  return /^[0-9a-f]{12}$/.test(text);
}

/** Most bytes of a greeting: whoever has not given one is not known. */
export const maxGreetingBytes = 64;

/** Times of the mesh, in milliseconds. */
export interface MeshTimes {
  /** Between two signs of life. */
  readonly beat: number;
  /** How long a peer may show none until its connection is ended. */
  readonly silence: number;
  /** What a peer wants is believed for so long after it was heard; then it is sent everything. Shorter than `follow`. */
  readonly stale: number;
  /** How long a room that gets its first member waits until all peers know of it. */
  readonly follow: number;
  /** How long whoever connects may take to greet. */
  readonly greeting: number;
  /** Between two looks at whether its own socket is still in the folder. */
  readonly look: number;
}

/** Why a connection to a peer was ended by this node. */
export type DropCause = 'silent' | 'behind' | 'malformed' | 'no greeting';

/** Sends a frame where no more than `most` bytes wait. @returns whether it was sent */
export function sendWithin(socket: Socket, frame: Buffer, most: number): boolean {
  if (socket.writableLength + frame.length > most) return false;
  socket.write(frame);
  return true;
}
