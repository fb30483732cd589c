import { type FailureCode, maxDepth, maxUidBytes, nameFault, parseEvent, parseRoom, shapeOf } from '@gopush/contract';
import { z } from 'zod';

/** What a name is refused with. */
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
    error: 'wanted 1 to 256 bytes of text that Socket.IO and gopush do not keep for themselves',
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

export const uid = name('A user, as the hooks name them.', maxUidBytes);

export const sender = name('Uid of the user in whose name it is published.', maxUidBytes);

/** Shorter than other names, since a batch makes ids of it. */
export const id = name('The same with the same id again is said once.', 200);

export const message = z
  .unknown()
  .refine((value) => shapeOf(value, maxDepth) !== 'deep', {
    ...refusal('payload_invalid'),
    error: `wanted lists and objects at most ${maxDepth} deep`,
  })
  .optional()
  .meta({ description: 'What clients get with the event: any JSON.' });

export const keep = z.enum(['must', 'try', 'no']).meta({
  description:
    'must: it is kept in the history, or not done (not_durable). try: where it cannot be kept it is said all the same. no: it is not kept. Default must, or no where rooms keep no history.',
});

export const deliver = z.enum(['online', 'store']).default('online').meta({
  description: 'online: to the devices connected now. store: until one of them has acknowledged it.',
});

export const ttlMs = z
  .int()
  .min(1)
  .max(86_400_000 * 365)
  .meta({ description: 'With store: how long it waits, in milliseconds.' });

/** A number of the query. */
export const limit = (max: number, byDefault = 100) =>
  z.int().min(1).max(max).default(byDefault).meta({ description: 'How many at most.' });

/** How far something was said. */
export const position = z.nullable(z.strictObject({ epoch: z.string(), offset: z.int().min(0) }));

/** A part of an answer that may not be known. */
export const time = z.nullable(z.number()).meta({ description: 'Milliseconds since 1970.' });
