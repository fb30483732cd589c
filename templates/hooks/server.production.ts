import { defineServer } from 'gopush';

/**
 * What may clients do on a push-server? Join public rooms, `public:…`, and their own room, `user:<uid>`; publish to the public
 * ones. All functions are optional; one that throws allows nothing.
 *
 * Replace this with what your users may do: members of a group in a database, a role in a token, …
 */
export default defineServer({
  canJoin: (client, room) => room.startsWith('public:') || room === `user:${client.uid}`,
  canPublish: (_client, room) => room.startsWith('public:'),
});
