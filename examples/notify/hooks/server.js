import { defineServer } from 'gopush';

/** Everybody may listen to the one room there is, and nobody publishes to it but `POST /api/v1/notify`. */
export default defineServer({
  canJoin: (_client, room) => room === 'all',
  canPublish: () => false,
});
