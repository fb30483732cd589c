import { ByteReader } from './byte-reader.ts';
import type { Ending } from './ending.ts';
import { maxCauseBytes } from './limits.ts';
import type { OfferKind } from './offer-kind.ts';

/** Payloads of messages. `read…` returns `undefined` for what breaks the protocol. */
export interface OfferMessage {
  readonly kind: OfferKind;
  readonly head: Buffer;
  readonly record: Buffer;
}

export interface ResponseMessage {
  /** Where the taker notes how far it is; 0: nowhere. */
  readonly slot: number;
  readonly generation: number;
  readonly head: Buffer;
  /** `undefined`: it is an upgrade. */
  readonly body: Buffer | undefined;
}

export interface AcceptMessage {
  readonly skipFrames: number;
  /** Instead of that of the offer. */
  readonly record: Buffer;
  /** What the client gets before anything of the taker: the 101. */
  readonly first: Buffer;
  readonly early: Buffer;
}

export interface CloseMessage {
  readonly code: number;
  readonly cause: string;
}

export interface DuplicateMessage {
  readonly slot: number;
  readonly generation: number;
  readonly record: Buffer;
}

const kinds: readonly OfferKind[] = ['upgrade', 'session'];

export function writeOffer({ kind, head, record }: OfferMessage): Buffer[] {
  return [numbers(kinds.indexOf(kind), 1), ...sized(head), record];
}

export function readOffer(payload: Buffer): OfferMessage | undefined {
  const reader = new ByteReader(payload);
  const kind = kinds[reader.u8()];
  const head = reader.bytes();
  const record = reader.rest();
  return reader.isComplete && kind !== undefined ? { kind, head, record } : undefined;
}

export function writeResponse({ slot, generation, head, body }: ResponseMessage): Buffer[] {
  const hasBody = numbers(body === undefined ? 0 : 1, 1);
  return [numbers(slot, 4), numbers(generation, 4), ...sized(head), hasBody, ...(body === undefined ? [] : [body])];
}

export function readResponse(payload: Buffer): ResponseMessage | undefined {
  const reader = new ByteReader(payload);
  const slot = reader.u32();
  const generation = reader.u32();
  const head = reader.bytes();
  const hasBody = reader.u8();
  const body = hasBody === 1 ? reader.rest() : undefined;
  return reader.isComplete && hasBody < 2 ? { slot, generation, head, body } : undefined;
}

export function writeAccept({ skipFrames, record, first, early }: AcceptMessage): Buffer[] {
  return [numbers(skipFrames, 1), ...sized(record), ...sized(first), early];
}

export function readAccept(payload: Buffer): AcceptMessage | undefined {
  const reader = new ByteReader(payload);
  const message = { skipFrames: reader.u8(), record: reader.bytes(), first: reader.bytes(), early: reader.rest() };
  return reader.isComplete ? message : undefined;
}

export function writeEnd({ code, cause, messagesIn, messagesOut }: Ending): Buffer[] {
  const fixed = Buffer.allocUnsafe(18);
  fixed.writeUInt16LE(code ?? 0, 0);
  fixed.writeDoubleLE(messagesIn ?? -1, 2);
  fixed.writeDoubleLE(messagesOut ?? -1, 10);
  return [fixed, textOf(cause ?? '')];
}

export function readEnd(payload: Buffer): Ending | undefined {
  const reader = new ByteReader(payload);
  const code = reader.u16();
  const messagesIn = countOf(reader.f64());
  const messagesOut = countOf(reader.f64());
  const cause = reader.rest().subarray(0, maxCauseBytes).toString();
  if (!reader.isComplete) return undefined;
  return { code: code || undefined, cause: cause || undefined, messagesIn, messagesOut };
}

export function writeClose({ code, cause }: CloseMessage): Buffer[] {
  return [numbers(code, 2), textOf(cause)];
}

export function readClose(payload: Buffer): CloseMessage | undefined {
  const reader = new ByteReader(payload);
  const message = { code: reader.u16(), cause: reader.rest().subarray(0, maxCauseBytes).toString() };
  return reader.isComplete ? message : undefined;
}

export function writeDuplicate({ slot, generation, record }: DuplicateMessage): Buffer[] {
  return [numbers(slot, 4), numbers(generation, 4), record];
}

export function readDuplicate(payload: Buffer): DuplicateMessage | undefined {
  const reader = new ByteReader(payload);
  const message = { slot: reader.u32(), generation: reader.u32(), record: reader.rest() };
  return reader.isComplete ? message : undefined;
}

/** A text as the payload of `unfit`, `refuse` and others; long ones are cut. */
export function textOf(text: string): Buffer {
  return Buffer.from(text).subarray(0, maxCauseBytes);
}

function countOf(value: number): number | undefined {
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function numbers(value: number, bytes: 1 | 2 | 4): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  buffer.writeUIntLE(value, 0, bytes);
  return buffer;
}

function sized(bytes: Buffer): [Buffer, Buffer] {
  return [numbers(bytes.length, 4), bytes];
}
