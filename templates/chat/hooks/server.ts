import { defineServer, type Push } from 'gopush';

let push: Push;

const isRoom = (room: string) => /^[a-z0-9-]{1,40}$/.test(room);

/** What users may do in rooms. gopush itself joins, publishes, stores the history and knows who is online. */
export default defineServer({
  canJoin: (_client, room) => isRoom(room),

  // Messages are { id, text }; the id is for pages, which get some messages twice: live and in the history.
  canPublish(_client, room, event, message) {
    const { id, text } = Object(message);
    return (
      isRoom(room) &&
      event === 'message' &&
      typeof id === 'string' &&
      typeof text === 'string' && { message: { id: id.slice(0, 40), text: text.slice(0, 2_000) } }
    );
  },

  // Any other event of a client; what is returned is the ack.
  async onMessage(_client, event, room) {
    if (event !== 'history') return { ok: false, error: { message: `there is no event ${event}` } };
    if (typeof room !== 'string' || !isRoom(room)) return { ok: false, error: { message: 'there is no such room' } };
    const history = await push.history(room, 0, 100);
    return history.ok
      ? { ok: true, messages: history.value.messages }
      : { ok: false, error: { message: 'the history is not available now' } };
  },

  setup(_io, given) {
    push = given;
    // Nothing to undo. With this function, an edit of this file takes effect at once.
    return () => {};
  },
});
