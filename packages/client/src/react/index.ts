export { useInbox } from './use-inbox.ts';
export { type PresenceOptions, usePresence } from './use-presence.ts';
export { type ReceivedMessage, type RoomOptions, type RoomState, useRoom } from './use-room.ts';
