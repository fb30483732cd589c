import { defineServer } from 'gopush';
import { channels, isChannel, isChannelName, isMember, joinChannel, leaveChannel } from '../lib/channels.js';

const maxCharacters = 2_000;
/** Messages in a page of the history. */
const pageSize = 50;

let push;

/** What a client may do on a push-server: a channel is a room. */
export default defineServer({
  canJoin: (client, room) => isMember(client.uid, room),

  async canPublish(client, room, event, data) {
    if (!(await isMember(client.uid, room))) return false;
    if (event === 'typing') return { message: null };
    if (event !== 'chat' || typeof data?.text !== 'string' || typeof data.id !== 'string') return false;
    const text = data.text.trim().slice(0, maxCharacters);
    // The server sets the time, and gopush the sender: neither can be forged.
    return text !== '' && { message: { id: data.id.slice(0, 64), text, at: Date.now() } };
  },

  /** Requests with an ack: `socket.emitWithAck('join', { channel })`. */
  async onMessage(client, event, data) {
    const { uid } = client;
    const mine = push.of(client.product);
    if (event === 'channels') return { channels: await channels(uid) };
    const channel = data?.channel;
    if (!isChannelName(channel)) return { error: 'There is no such channel.' };
    switch (event) {
      case 'join':
        if (!(await isChannel(channel))) return { error: 'There is no such channel.' };
        await joinChannel(uid, channel);
        // The user's other tabs join it as well.
        await mine.toUser(uid, 'channels', await channels(uid));
        return {};
      case 'leave':
        await leaveChannel(uid, channel);
        mine.moveUser(uid, channel, 'leave');
        await mine.toUser(uid, 'channels', await channels(uid));
        return {};
      case 'history':
        if (!(await isMember(uid, channel))) return { error: 'You are not in this channel.' };
        return readHistory(mine, channel, data.before);
      default:
        return { error: `There is no request ${event}.` };
    }
  },

  setup(_io, ofThisServer) {
    push = ofThisServer;
  },
});

/** Not `typing`, and not what a client has sent in another form, with the event `room`. */
const isChat = ({ event, message }) => event === 'chat' && typeof message.text === 'string';

/** A page of messages: those before an offset, or the newest. */
async function readHistory(from, channel, before) {
  const newest = await from.history(channel, Number.MAX_SAFE_INTEGER, 1);
  if (!newest.ok) return { error: 'The history cannot be read now.' };
  const end = Number.isSafeInteger(before) ? before : (newest.value.position?.offset ?? 0) + 1;
  const after = Math.max(0, end - 1 - pageSize);
  const page = await from.history(channel, after, end - 1 - after);
  if (!page.ok) return { error: 'The history cannot be read now.' };
  const { first, messages } = page.value;
  return {
    messages: messages.filter(isChat).map(({ sender, message }) => ({ sender, ...message })),
    // Where the page before this one ends.
    before: after + 1 > first ? after + 1 : null,
  };
}
