import type { Socket as Connection } from 'node:net';
import type { NamesOf } from './names-of.ts';

/* The private names of `ws`; `private-names.ts` has the others, and says what such a file is for. */

/** A WebSocket of `ws`. */
export interface WebSocketInternals {
  readonly readyState: number;
  readonly OPEN: number;
  readonly bufferedAmount: number;
  /** Extensions that were agreed on, as compression; empty without any. */
  readonly extensions: string;
  _extensions: object;
  /** Code of the client's close frame; 1006 without one. */
  readonly _closeCode: number;
  /** The connection below it. */
  readonly _socket: Connection;
  /** Puts frames and messages together. */
  readonly _receiver: ReceiverInternals;
  readonly _sender: SenderInternals;
  send(data: unknown): void;
  ping(payload: string, mask: boolean, done: (error?: Error) => void): void;
  close(code?: number, reason?: string): void;
  pause(): void;
  resume(): void;
  terminate(): void;
  on(event: string, listener: (this: never, ...args: never[]) => void): unknown;
  once(event: string, listener: (this: never, ...args: never[]) => void): unknown;
  removeAllListeners(event: string): unknown;
}
export const webSocketNames: NamesOf<WebSocketInternals> = {
  readyState: 'correctness: number',
  OPEN: 'correctness: number',
  bufferedAmount: 'correctness: number',
  extensions: 'correctness: string',
  _extensions: 'memory: object',
  _closeCode: 'figures: number',
  _socket: 'correctness: object',
  _receiver: 'figures: object',
  _sender: 'speed: object',
  send: 'correctness: function',
  ping: 'correctness: function',
  close: 'correctness: function',
  pause: 'correctness: function',
  resume: 'correctness: function',
  terminate: 'correctness: function',
  on: 'correctness: function',
  once: 'correctness: function',
  removeAllListeners: 'correctness: function',
};

/** What reads the frames of a WebSocket. */
export interface ReceiverInternals {
  readonly _state: number;
  readonly _bufferedBytes: number;
  readonly _fragmented: number;
  _buffers: Buffer[];
  /** Payloads of the frames of an incomplete message. */
  readonly _fragments: readonly Buffer[];
  /** Of the frame that is being read. */
  readonly _opcode: number;
  readonly _fin: boolean;
  /** The same object as that of its WebSocket; its sender has it as well. */
  _extensions: object;
  readonly _payloadLength: number;
  _mask: Buffer | undefined;
  readonly _errored: boolean;
}
export const receiverNames: NamesOf<Omit<ReceiverInternals, '_mask'>> = {
  _state: 'figures: number',
  _bufferedBytes: 'figures: number',
  _fragmented: 'figures: number',
  _buffers: 'memory: array',
  _fragments: 'figures: array',
  _opcode: 'figures: number',
  _fin: 'figures: boolean',
  _extensions: 'memory: object',
  _payloadLength: 'figures: number',
  _errored: 'figures: boolean',
};

/** What writes the frames of a WebSocket. */
export interface SenderInternals {
  /** The one thing that `ws` writes to after its handshake. */
  _socket: unknown;
  /** Bytes that wait in the sender; part of `bufferedAmount`. */
  _bufferedBytes: number;
  _extensions: object;
  sendFrame(frame: readonly Buffer[]): void;
}
export const senderNames: NamesOf<SenderInternals> = {
  _socket: 'speed: object',
  _bufferedBytes: 'speed: number',
  _extensions: 'memory: object',
  sendFrame: 'speed: function',
};
