import { store } from './store.js';

/** Channels, and who is a member of which. */

export const isChannelName = (name) => typeof name === 'string' && /^[a-z0-9][a-z0-9-]{0,31}$/.test(name);

export const isChannel = async (channel) => (await store.get('channels', channel)) !== undefined;

export const isMember = async (user, channel) => (await store.get(`channels of ${user}`, channel)) !== undefined;

/** Resolves to whether there was none of that name. */
export const createChannel = (channel, by) => store.insert('channels', channel, { by, at: Date.now() });

export const joinChannel = (user, channel) => store.insert(`channels of ${user}`, channel, { at: Date.now() });

export const leaveChannel = (user, channel) => store.remove(`channels of ${user}`, channel);

/** All channels by name, and whether a user is in them. */
export async function channels(user) {
  const [all, joined] = await Promise.all([store.list('channels'), store.list(`channels of ${user}`)]);
  const mine = new Set(joined.map(([channel]) => channel));
  return all.map(([name, { by }]) => ({ name, by, joined: mine.has(name) })).sort((a, b) => (a.name < b.name ? -1 : 1));
}
