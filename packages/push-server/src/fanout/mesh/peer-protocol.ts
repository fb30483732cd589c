import type { Socket } from 'node:net';

/** Types of the frames that the dialling node sends: its messages. */
export const forward = {
  /** The first: {@link greetingOf}. */
  hello: 1,
  /** All messages after this frame arrive; one byte: whether messages before it may have been lost. */
  open: 2,
  message: 3,
  beat: 4,
  /** Confirms a followed bucket: the messages of the bucket come after this. */
  followed: 5,
} as const;

/** Types of the frames that the dialled node sends back: which of these messages it wants. */
export const back = {
  /** Responds to the greeting, with the buckets that are followed. */
  welcome: 1,
  beat: 2,
  follow: 3,
  unfollow: 4,
} as const;

/** Nodes of different versions of the protocol must not meet. */
const version = 'gopush mesh 2 ';

export function greetingOf(node: string): Buffer {
  return Buffer.from(version + node, 'latin1');
}

/** @returns the name of the node; `undefined` if the bytes are no greeting */
export function readGreeting(payload: Buffer): string | undefined {
  const text = payload.toString('latin1');
  const node = text.startsWith(version) ? text.slice(version.length) : '';
  return isNodeName(node) ? node : undefined;
}

/** Names of nodes become parts of paths. */
export function isNodeName(text: string): boolean {
  return /^[0-9a-f]{12}$/.test(text);
}

/** Most bytes of a greeting. A connection without one is not known yet. */
export const maxGreetingBytes = 64;

/** Times of the mesh, in milliseconds. */
export interface MeshTimes {
  /** Between two signs of life. */
  readonly beat: number;
  /** How long a peer may be silent until its connection is ended. */
  readonly silence: number;
  /** How long after the last frame of a peer the buckets that it follows count as known; then it is sent everything. Shorter than `follow`. */
  readonly stale: number;
  /** How long a room that gets its first member waits until all peers know of it. */
  readonly follow: number;
  /** How long a connection may take to greet. */
  readonly greeting: number;
  /** Between two looks at whether its own socket is still in the folder. */
  readonly look: number;
}

/** The times in use; tests use shorter ones. */
export const usualTimes: MeshTimes = {
  beat: 500,
  silence: 10_000,
  stale: 1_250,
  follow: 1_500,
  greeting: 2_000,
  look: 1_000,
};

/** Why a connection to a peer was ended by this node. */
export type DropCause = 'silent' | 'behind' | 'malformed' | 'no greeting';

/** Sends a frame if no more than `most` bytes wait. @returns whether it was sent */
export function sendWithin(socket: Socket, frame: Buffer, most: number): boolean {
  if (socket.writableLength + frame.length > most) return false;
  socket.write(frame);
  return true;
}
