import type { Socket } from 'node:net';
import type { OfferKind } from '../channel/offer-kind.ts';
import type { Outcome } from '../channel/outcome.ts';
import type { GiverEvents } from './giver-events.ts';
import type { HandedOver } from './handed-over.ts';

/** Options of the giving side. */
export interface GiversOptions<T> {
  /** Folder in which takers are found. It has to belong to this user, with no rights for others. */
  readonly dir: string;
  /** Name of this process, for the logs of takers. */
  readonly name: string;
  /** How long a taker may be silent before it counts as lost, in milliseconds; whole seconds count. @defaultValue 10,000 */
  readonly silentMs?: number;
  /** Handlers of what happens to connections and takers. */
  readonly events: GiverEvents<T>;
}

/** The giving side of a process. */
export interface Givers<T> {
  /**
   * The way to a taker of this host that serves a TCP port, is connected, and is neither stopping nor full. The first call for a port starts to
   * connect to its takers in the background, and finds none yet.
   *
   * @param host - address of this host, or `localhost`: only takers whose server a connection to it would reach. Absent: any
   */
  to(port: number, host?: string): Giver<T> | undefined;
  /**
   * Looks for takers of a port at once, and waits for those that were just found: so clients that come right after the start of a process,
   * or after that of its taker, need no other way.
   *
   * @returns `undefined`: there is nothing to wait for. Otherwise it resolves when {@link Givers.to} knows them, at most a second after
   * they were found
   */
  opening(port: number): Promise<void> | undefined;
  /** Names ports that will be asked for, so that their takers are connected before, and can give duplicates. Ports of earlier calls stay. */
  want(ports: Iterable<number>): void;
  /** How many connections have a duplicate here, or are here alone. */
  readonly size: number;
  /**
   * Closes all channels and duplicates. Connections that takers serve are left to them; those that are `alone` end; offers that are open
   * fail. No event follows.
   */
  close(): void;
}

/** The way to one taker. Not to be kept: it is good for an offer now. */
export interface Giver<T> {
  /** Name of the taker. */
  readonly name: string;
  /** How many connections were handed to this taker and are open. */
  readonly size: number;
  /**
   * Offers a connection. The taker responds as its HTTP server would, but nothing reaches the client: that is up to the giver.
   *
   * While the offer is open a `client` that is a socket stays with the giver, who may read it on and sees it close. The taker reads nothing.
   */
  offer(options: OfferOptions<T>): Promise<Outcome<Offered<T>, NotOffered>>;
}

/** Aborts an offer: an `AbortSignal`, or an object with these members. */
export interface OfferSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** A connection to be offered. */
export interface OfferOptions<T> {
  /** The client: an accepted TCP socket without TLS whose HTTP server has let go of it (event `upgrade`), or a connection that is `alone`. */
  readonly client: Socket | HandedOver<T>;
  readonly kind: OfferKind;
  /** The head of the HTTP request, as the taker's port would get it. At most 128 KiB. */
  readonly head: Buffer;
  /** What this process, or another giver, needs to continue the connection if its taker or this giver is gone. At most 16 KiB. */
  readonly record: Buffer;
  /** How long to wait for the response, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborts the offer. */
  readonly signal?: OfferSignal;
}

/**
 * Why an offer came to nothing. The client is as before, so that another target can be tried.
 *
 * - `full`: of this channel (512 offers without a response, 4,096 that wait for their turn, 64 MiB queued), of the taker, or of descriptors
 * - `unfit`: the client's socket cannot be handed over, or the taker refuses it: `detail` has the reason
 * - `bad response`: the taker's server wrote no HTTP response, or one whose body has more than 256 KiB
 * - `silent`: no response in time
 * - `lost`: the taker is gone
 * - `client gone`
 * - `aborted`: by the signal
 */
export type NotOffered = 'full' | 'unfit' | 'bad response' | 'silent' | 'lost' | 'client gone' | 'aborted';

/** What a taker responded. It has to be accepted or withdrawn; while the channel lives the taker waits. */
export interface Offered<T> {
  /** The head of the response, with the empty line: what the taker's HTTP server wrote first. */
  readonly head: Buffer;
  /** The body of a response that is no 101, as it is framed in HTTP. The offer is over then. `undefined`: it is a 101. */
  readonly body: Buffer | undefined;
  /**
   * Hands the connection over. A socket of the client is destroyed here (which sends nothing), with all that it has read given along.
   *
   * @returns the duplicate; `client gone` or `lost` if that failed: the connection is closed then
   * @throws Error if the response is no 101
   */
  accept(options: AcceptOptions<T>): Promise<Outcome<HandedOver<T>, 'client gone' | 'lost'>>;
  /** Takes the offer back. The taker's server sees its connection close; the client is as before. */
  withdraw(): void;
}

/** How a connection is handed over. */
export interface AcceptOptions<T> {
  /** What the program keeps with it. */
  readonly user: T;
  /** Instead of the record of the offer, if the response says more. At most 16 KiB. */
  readonly record?: Buffer | undefined;
  /** What the client gets before anything of the taker: the 101, or nothing. The taker writes it. At most 128 KiB. */
  readonly write?: Buffer | undefined;
  /** What the client has sent already and this program has read. It goes first to the taker's server. At most 2 MiB with what the socket has read. */
  readonly early?: Buffer | undefined;
  /** How many of the first WebSocket data frames of the taker the client does not get, nor control frames before the last of them. At most 255. */
  readonly skipFrames?: number | undefined;
}
