export { useInbox } from './use-inbox.ts';
export { usePresence } from './use-presence.ts';
export { type ReceivedMessage, type RoomOptions, type RoomState, useRoom } from './use-room.ts';
