import { defineServer } from 'gopush';

/**
 * What may clients do on a push-server? Enter rooms that anyone may enter, `public:…`, and their own, `user:<uid>`; speak in the public
 * ones. Each function may be left out; one that throws lets nothing through.
 *
 * Replace this by what your users may do: members of a group in a database, a role in a token, …
 */
export default defineServer({
  canJoin: (client, room) => room.startsWith('public:') || room === `user:${client.uid}`,
  canPublish: (_client, room) => room.startsWith('public:'),
});
