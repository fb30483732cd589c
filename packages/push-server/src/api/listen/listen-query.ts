import { z } from 'zod';
import { room, uid } from '../request/fields.ts';

/** Most rooms and users of one listener: the id of each event holds its positions in all of them. */
export const maxListened = 50;

/** The query of a request to listen. */
export const listenQuery = z.strictObject({
  room: z
    .array(room)
    .max(maxListened)
    .default([])
    .meta({ description: `Rooms to listen to; together with users at most ${maxListened}.` }),
  user: z.array(uid).max(maxListened).default([]).meta({
    description:
      'Users to listen to; the listener counts as a device of each. Default without room, with an identity: the user of the identity.',
  }),
  lastEventId: z.string().max(8_192).optional().meta({
    description: 'The same as Last-Event-ID, for clients that cannot set headers.',
  }),
});
