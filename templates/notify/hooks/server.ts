import { defineServer } from 'gopush';

/** Everybody may listen to the news; only programs with a key may publish. */
export default defineServer({
  canJoin: (_client, room) => room === 'news',
  canPublish: () => false,
});
