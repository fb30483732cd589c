export type { AnyEvents, Gap, InboxMessage, Joined, Position, PresenceEvent, Published } from '@gopush/contract';
export { type Client, type ClientOptions, createClient } from './client.ts';
export { GopushError, type GopushErrorCode } from './error.ts';
export type { JoinOptions, PublishOptions, Room, RoomGap, Unsubscribe } from './room.ts';
export type { ClientSocket } from './socket.ts';
