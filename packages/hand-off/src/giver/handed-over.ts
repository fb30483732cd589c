import type { Socket } from 'node:net';

/** Bytes of one connection, as the kernel counts them: exact, and including what was exchanged before it was handed over. */
export interface Counts {
  /** Bytes that were read from the client. */
  readonly bytesIn: number;
  /** Bytes that were written to the client, those that it has not acknowledged yet included. */
  readonly bytesOut: number;
}

/**
 * A connection that a taker serves, and of which this process holds a silent duplicate. It is one small object,
 * without listeners or closures: the events of all connections go to one {@link GiverEvents}.
 */
export interface HandedOver<T> {
  /** What the program keeps with it. */
  user: T;
  /**
   * `served`: a taker serves it. `alone`: this process is the only owner, as after `onLeave` and `onOrphan`. It has to offer the connection again,
   * {@link HandedOver.takeBack | take it back}, {@link HandedOver.cut | cut} it or {@link HandedOver.release | release} it. `over`: it is gone.
   */
  readonly state: 'served' | 'alone' | 'over';
  /** TCP port of the taker that serves it, or did so last. */
  readonly port: number;
  /** Stands for the process that serves it, or did so last: the same for all its connections. */
  readonly taker: object;
  /** The record that was given with the offer. It is kept outside of the memory of this process: each call reads it again. */
  readRecord(): Buffer;
  /** Asks the kernel for the bytes so far: three system calls. */
  counts(): Counts;
  /**
   * Milliseconds since the client sent something, or was sent something, as the kernel knows (TCP_INFO): what a limit of idle time needs. One system
   * call.
   */
  idleMs(): number;
  /** Whether the client has ended its side, or the connection is broken: nobody sees that while it is `alone`. One system call. */
  hasClientEnded(): boolean;
  /** Asks the taker to end it: `onEnd` follows. Does nothing unless it is served. */
  close(code: number, cause: string): void;
  /**
   * Asks the taker to give the session to another one: `onLeave` follows as soon as it has put it down, or nothing if it cannot.
   *
   * @returns whether the taker was asked: `false` for a taker of version 1, and for a connection that is not served
   */
  askToLeave(): boolean;
  /**
   * Whether its taker, which is `silent` ({@link Orphan}), has certainly been silent for this long. Pauses of this process do not count, nor time
   * in which the taker waited for a CPU. A taker that works may be silent for half as long again. It also had two seconds to respond to a new
   * channel.
   *
   * @param ms - in milliseconds; whole seconds count
   */
  isTakerSilentFor(ms: number): boolean;
  /**
   * Kills its taker, which is `silent` ({@link Orphan}): then `onOrphan` follows for each of its connections. Only a taker that
   * allows it, to which no debugger is attached, and that is neither this process nor its parent, nor in another namespace of process ids.
   *
   * @returns whether it was killed
   */
  killTaker(): boolean;
  /**
   * Makes a socket of it, paused, for reading and writing here. Only while it is `alone`; it is `over` then.
   *
   * @throws Error in another state
   */
  takeBack(): Socket;
  /**
   * Closes the duplicate here, and nothing else: a connection with another owner continues, any other ends. No event follows.
   */
  release(): void;
  /**
   * Ends it for all its owners at once (`shutdown(2)` both ways), also while a taker serves it that does not respond. No event follows.
   */
  cut(): void;
}
