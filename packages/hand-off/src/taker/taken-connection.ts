import type { Socket } from 'node:net';
import type { Ending } from '../channel/ending.ts';
import type { OfferKind } from '../channel/offer-kind.ts';
import type { Mark } from '../notes/mark.ts';

/**
 * A connection that was handed to this process.
 *
 * Its program may note where messages end in the stream ({@link TakenConnection.wrote}, {@link TakenConnection.read}). If this process dies, the
 * giver compares that with what the kernel counted, and knows whether another taker can continue. Without notes a crash ends the connection.
 * Notes are kept with the option `notes`.
 */
export interface TakenConnection {
  /** The connection. Once it is accepted this is a plain `net.Socket`; before that, nothing that is written leaves and nothing is read. */
  readonly socket: Socket;
  readonly kind: OfferKind;
  /** Whether a giver has accepted it: from then on what is written reaches the client. */
  readonly isAccepted: boolean;
  /** Whether a giver holds a duplicate. Without, this process is the only owner until a giver takes one. */
  readonly isShared: boolean;
  /** How it ended, for the giver. The program sets it before the socket closes. */
  ending: Ending | undefined;
  /** What the program keeps with it. @defaultValue `undefined` */
  user: unknown;
  /**
   * Notes that complete frames are about to be written to the socket, in the same tick, and which message is the last of its stream in
   * them. They count if the kernel takes all of them, even if this process dies before it learns that.
   *
   * @param bytes - size of the frames
   * @param stream - number of the stream of the message, below 2^53; 0: no message of these frames has a position. @defaultValue 0
   * @param offset - of the message in its stream. @defaultValue 0
   */
  writes(bytes: number, stream?: number, offset?: number): void;
  /**
   * Notes the messages of other streams in the frames about which {@link TakenConnection.writes} is called next. Right after the write {@link
   * TakenConnection.wrote} has to be called, with 0 bytes.
   *
   * @param others - in their order; at most 60
   */
  writesOthers(bytes: number, others: readonly Mark[]): void;
  /**
   * Notes that complete frames were written to the socket, in the same tick. The position is that of a message in these
   * frames; several are noted by several calls, the earlier ones with 0 bytes.
   *
   * @param bytes - size of the frames
   * @param stream - number of the stream of the message, below 2^53; 0: no message of these frames has a position. @defaultValue 0
   * @param offset - of the message in its stream. @defaultValue 0
   */
  wrote(bytes: number, stream?: number, offset?: number): void;
  /** Notes that the client does not follow a stream any more. At most 64 streams can be noted at a time. */
  forget(stream: number): void;
  /**
   * Notes that what was read from the socket is being handled: should this process die before the next note, nobody knows how far it was, and the
   * connection ends. Without this note, the next taker gets what was read last once more.
   */
  handles(): void;
  /** Notes that all that was read from the socket has been handled, or may be lost. */
  read(): void;
  /**
   * Notes that all that was read from the socket has been handled, but for the beginning of a message: should this process die now, the next taker
   * gets these bytes first, and then the rest of the client. Up to 512 connections can have such a note at a time; for others it counts as {@link
   * TakenConnection.handles}.
   *
   * @param beginning - bytes that the next taker reads as if the client had sent them; at most 64 KiB, or it counts as {@link TakenConnection.handles}
   */
  half(beginning: Buffer): void;
  /** The program listens to errors of the socket itself from now on. Until then they are ignored, by a listener that takes memory. */
  handlesErrors(): void;
  /**
   * Gives the connection back to its giver, which gives it to another taker. The session must be put down before, and nothing may wait to be
   * written. From the call on nothing is read. The socket is destroyed when the giver has confirmed, and the client sees nothing. If the giver dies
   * before it has confirmed, the taker waits for another one for at most 5 s.
   *
   * @param unread - bytes of the client that were read and not handled; at most 2 MiB
   * @returns whether a giver has it; with `false` the connection is as before, paused, and the program has to end it
   */
  leave(unread: Buffer): Promise<boolean>;
}
