import type { AnyEvents, events, InboxMessage, PresencePage, PresenceRequest } from '@gopush/contract';
import type { GopushError } from './error.ts';
import { EarlyMessages, handleInbox } from './inbox.ts';
import { type KeysOf, refuseUnknownKeys } from './known-keys.ts';
import { OpenRooms } from './open-rooms.ts';
import { readPresence, readPresencePage } from './presence.ts';
import type { JoinOptions, Room, Unsubscribe } from './room.ts';
import { type ClientSocket, createAsk, type OpenSocket } from './socket.ts';

/** How a client behaves. */
export interface ClientOptions {
  /** How long the server may take to respond, in milliseconds. @defaultValue 10000 */
  readonly timeoutMs?: number;
  /** How long to wait before a room is joined again after a temporary failure, in milliseconds. @defaultValue 1000 */
  readonly retryMs?: number;
  /** Called for a room that cannot be joined, or cannot be joined again after a reconnect. */
  readonly onRoomLost?: (room: Room, error: GopushError) => void;
}

const optionKeys: KeysOf<ClientOptions> = { timeoutMs: true, retryMs: true, onRoomLost: true };

const joinKeys: KeysOf<JoinOptions> = { from: true };

/**
 * Rooms and inbox over a socket.
 *
 * @typeParam Events - messages by event, as given to `createClient`
 */
export interface Client<Events extends object = AnyEvents> {
  /** Joins a room, now or as soon as there is a connection, and again after each reconnect. Calls with the same name return the same room. */
  join(room: string, options?: JoinOptions): Room<Events>;
  /**
   * Passes each message of the user's inbox to a handler, once, also those that have arrived before. The message is acknowledged when the handler's promise resolves, and delivered again
   * if it rejects.
   */
  inbox(handler: (message: InboxMessage) => unknown): Unsubscribe;
  /** All users in a room that this client is in, read in pages of 1,000. */
  presence(room: string): Promise<PresencePage['users']>;
  /** One page of the users in a room that this client is in, and where the next page begins. */
  presencePage(room: string, options?: Omit<PresenceRequest, 'room'>): Promise<PresencePage>;
  /** Leaves all rooms and stops listening to the socket, which stays connected. */
  close(): void;
}

/**
 * Wraps a socket of socket.io-client, which the program may still use directly.
 *
 * @typeParam Events - messages by event, so that TypeScript checks the messages of publishers and handlers. At run time nothing is checked here:
 * check messages in a server hook (`canPublish`). @defaultValue any event, with a message of any type
 * @example
 * interface Events { chat: { text: string }; typing: undefined }
 * const room = createClient<Events>(io()).join('lobby');
 * await room.joined;
 * await room.publish('chat', { text: 'hello' });
 */
export function createClient<Events extends object = AnyEvents>(
  given: ClientSocket,
  options: ClientOptions = {},
): Client<Events> {
  const socket = given as unknown as OpenSocket;
  refuseUnknownKeys('createClient', options, optionKeys);
  const { timeoutMs = 10_000, retryMs = 1_000, onRoomLost } = options;
  const ask = createAsk(socket, timeoutMs);
  const rooms = new OpenRooms(socket, { ask, retryMs, onRoomLost });
  const inboxes = new Set<Unsubscribe>();
  const early = new EarlyMessages();
  const onInbox = (message: InboxMessage, ack: (id: string) => void): void => {
    if (inboxes.size === 0) early.hold(message, ack);
  };
  let connections = 0;
  const onAny = (event: string, ...args: unknown[]): void => rooms.receive(event, args);
  let isClosed = false;
  /** It comes before every other request about rooms. If the server crashes with it, the client asks again: it may notice nothing else of that. */
  const askForPositions = (): void => {
    const event: typeof events.marks = 'go:marks';
    const asked = connections;
    ask(event, undefined).catch(() => {
      setTimeout(() => {
        if (!isClosed && socket.connected && asked === connections) askForPositions();
      }, retryMs);
    });
  };
  const onConnect = (): void => {
    askForPositions();
    rooms.enterAll();
  };
  const onDisconnect = (): void => {
    connections++;
    early.forget();
  };
  const inboxEvent: typeof events.inbox = 'go:inbox';
  if (socket.connected) askForPositions();
  socket.onAny(onAny);
  socket.on('connect', onConnect);
  socket.on('disconnect', onDisconnect);
  socket.on(inboxEvent, onInbox);
  return {
    join(name, joinOptions = {}) {
      refuseUnknownKeys('join', joinOptions, joinKeys);
      return rooms.join(name, joinOptions.from ?? null) as unknown as Room<Events>;
    },
    inbox(handler) {
      const stop = handleInbox(socket, () => connections, early, handler);
      const off = (): void => {
        inboxes.delete(off);
        stop();
      };
      inboxes.add(off);
      return off;
    },
    presence: (room) => readPresence(ask, room),
    presencePage: (room, pageOptions) => readPresencePage(ask, room, pageOptions),
    close() {
      isClosed = true;
      socket.offAny(onAny);
      socket.off('connect', onConnect);
      socket.off('disconnect', onDisconnect);
      socket.off(inboxEvent, onInbox);
      for (const off of inboxes) off();
      rooms.leaveAll();
    },
  };
}
