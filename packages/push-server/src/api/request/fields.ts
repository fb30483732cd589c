import { type FailureCode, maxDepth, maxUidBytes, nameFault, parseEvent, parseRoom, shapeOf } from '@gopush/contract';
import { z } from 'zod';

/** The failure of a schema. */
function refusal(code: FailureCode): { params: { code: FailureCode } } {
  return { params: { code } };
}

export const room = z
  .string()
  .refine((value) => parseRoom(value).ok, { ...refusal('room_invalid'), error: 'wanted 1 to 256 bytes of text' })
  .meta({ minLength: 1, maxLength: 256, description: 'Name of a room.' });

export const event = z
  .string()
  .refine((value) => parseEvent(value).ok, {
    ...refusal('event_invalid'),
    error: 'wanted 1 to 256 bytes of text that is not reserved by Socket.IO or gopush',
  })
  .meta({ minLength: 1, maxLength: 256, description: 'Name of the event that clients get.' });

const name = (what: string, bytes: number) =>
  z
    .string()
    .refine((value) => nameFault(value, bytes) === undefined, {
      ...refusal('payload_invalid'),
      error: `wanted 1 to ${bytes} bytes of text`,
    })
    .meta({ minLength: 1, maxLength: bytes, description: what });

export const uid = name('Uid of a user, as returned by the hooks.', maxUidBytes);

export const sender = name('Uid of the user on whose behalf the message is published.', maxUidBytes);

/** Shorter than other names, since a batch appends the number of the message. */
export const id = name('Idempotency key: a message with the same id again is published only once.', 200);

export const message = z
  .unknown()
  .refine((value) => shapeOf(value, maxDepth) !== 'deep', {
    ...refusal('payload_invalid'),
    error: `wanted lists and objects at most ${maxDepth} deep`,
  })
  .optional()
  .meta({ description: 'Payload of the event: any JSON.' });

export const keep = z.enum(['must', 'try', 'no']).meta({
  description:
    'must: the message is stored in the history, or not published (not_durable). try: it is published even if it cannot be stored. no: it is not stored. Default: must, or no if rooms have no history.',
});

export const deliver = z.enum(['online', 'store']).default('online').meta({
  description:
    'online: to the devices that are connected now. store: kept in the inbox until one device has acknowledged it.',
});

export const ttlMs = z
  .int()
  .min(1)
  .max(86_400_000 * 365)
  .meta({ description: 'With store: how long the message stays in the inbox, in milliseconds.' });

/** A limit in the query. */
export const limit = (max: number, byDefault = 100) =>
  z.int().min(1).max(max).default(byDefault).meta({ description: 'Largest number of results.' });

/** A position in a history; `null`: there is none. */
export const position = z.nullable(z.strictObject({ epoch: z.string(), offset: z.int().min(0) }));

/** A part of a response that may be unknown. */
export const time = z.nullable(z.number()).meta({ description: 'Milliseconds since 1970.' });
