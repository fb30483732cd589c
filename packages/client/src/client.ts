import type {
  AboutMessage,
  events,
  Gap,
  InboxMessage,
  Joined,
  Position,
  PresencePage,
  PresenceRequest,
} from '@gopush/contract';
import type { GopushError } from './error.ts';
import { handleInbox } from './inbox.ts';
import { type KeysOf, refuseUnknownKeys } from './known-keys.ts';
import { type JoinOptions, OpenRoom, type Room, type RoomContext, type Unsubscribe } from './room.ts';
import { type ClientSocket, createAsk } from './socket.ts';

/** How a client behaves. */
export interface ClientOptions {
  /** How long the server may take to answer, in milliseconds. @defaultValue 10000 */
  readonly timeoutMs?: number;
  /** After what time entering a room is tried again where that may help, in milliseconds. @defaultValue 1000 */
  readonly retryMs?: number;
  /** A room that was entered before cannot be entered again after a reconnect. */
  readonly onRoomLost?: (room: Room, error: GopushError) => void;
}

const optionKeys: KeysOf<ClientOptions> = { timeoutMs: true, retryMs: true, onRoomLost: true };

const joinKeys: KeysOf<JoinOptions> = { from: true };

/** Rooms and inbox over a socket. */
export interface Client {
  /** Enters a room, now or when there is a connection, and again after each reconnect. Of one name there is one room. */
  join(room: string, options?: JoinOptions): Room;
  /**
   * Gives each message of the user's inbox to a handler, once. When its promise resolves the message is acknowledged; where it rejects the
   * message comes again.
   */
  inbox(handler: (message: InboxMessage) => unknown): Unsubscribe;
  /** Everyone in a room that this client is in, read by pages of 1,000. */
  presence(room: string): Promise<PresencePage['users']>;
  /** Some of those in a room that this client is in, and where the next page begins. */
  presencePage(room: string, options?: Omit<PresenceRequest, 'room'>): Promise<PresencePage>;
  /** Lets go of the socket, which stays connected, and of its rooms. */
  close(): void;
}

/** Wraps a socket of socket.io-client, which can be used besides as always. */
export function createClient(socket: ClientSocket, options: ClientOptions = {}): Client {
  refuseUnknownKeys('createClient', options, optionKeys);
  const { timeoutMs = 10_000, retryMs = 1_000, onRoomLost } = options;
  const ask = createAsk(socket, timeoutMs);
  const rooms = new Map<string, OpenRoom>();
  const epochs = new Map<string, OpenRoom>();
  const inboxes = new Set<Unsubscribe>();
  /** Messages that came before the answer that tells which room their epoch is of. */
  const early: [event: string, ...args: unknown[]][] = [];
  let entering = 0;
  let connections = 0;

  function claim(epoch: string, room: OpenRoom): void {
    for (const [old, owner] of epochs) if (owner === room) epochs.delete(old);
    epochs.set(epoch, room);
  }

  const onAny = (event: string, ...args: unknown[]): void => {
    const [message] = args;
    if (event === ('go:gap' satisfies typeof events.gap)) told(message as Gap, 'gap');
    else if (event === ('go:epoch' satisfies typeof events.epoch)) told(message as Gap, 'begin');
    else if (args.length > 1) hear(event, args);
  };

  /**
   * Gives a message to its room: by the epoch of its mark, or by the name of the room where it is not kept. Then it has no mark, or, where it
   * has an id, that of its push-server.
   */
  function hear(event: string, args: unknown[]): void {
    const [message] = args;
    const position = readMark(args.at(-1));
    const about = args[1] as Partial<AboutMessage> | null;
    const [sender, id] = [about?.sender ?? null, about?.id];
    const named = rooms.get(about?.room ?? '');
    if (position && epochs.has(position.epoch))
      epochs.get(position.epoch)?.receive(event, message, position, sender, id);
    else if (position && entering > 0 && !named?.isIn) early.push([event, ...args]);
    else named?.receive(event, message, null, sender, id);
  }

  function told({ room: name, position }: Gap, what: 'gap' | 'begin'): void {
    const room = rooms.get(name);
    if (!room) return;
    claim(position.epoch, room);
    room[what](position);
  }

  /** So that messages come with what tells their room and their place in it. Before all that it asks of rooms. */
  const askForMarks = (): void => {
    const event: typeof events.marks = 'go:marks';
    ask(event, undefined).catch(() => {});
  };

  const onConnect = (): void => {
    askForMarks();
    // Whoever went on with their session is in their rooms.
    for (const room of rooms.values()) if (!socket.recovered || !room.isIn) room.enter();
  };
  const onDisconnect = (): void => {
    connections++;
  };
  if (socket.connected) askForMarks();
  socket.onAny(onAny);
  socket.on('connect', onConnect);
  socket.on('disconnect', onDisconnect);

  const context: Omit<RoomContext, 'onEnd'> = {
    ask,
    claim,
    retryMs,
    isConnected: () => socket.connected,
    async enter(request) {
      entering++;
      const event: typeof events.join = 'go:join';
      const answer = ask<{ joined: readonly [Joined] }>(event, request);
      return (await answer.finally(() => entering--)).joined[0];
    },
    onEntered() {
      for (const args of early.splice(0)) onAny(...args);
    },
  };

  async function presencePage(room: string, options: Omit<PresenceRequest, 'room'> = {}): Promise<PresencePage> {
    const event: typeof events.presence = 'go:presence';
    const { users, next } = await ask<PresencePage>(event, { ...options, room });
    return { users, next };
  }

  return {
    join(name, joinOptions = {}) {
      refuseUnknownKeys('join', joinOptions, joinKeys);
      const { from = null } = joinOptions;
      const known = rooms.get(name);
      if (known) return known;
      const room: OpenRoom = new OpenRoom(name, from, {
        ...context,
        onEnd(error) {
          if (rooms.get(name) === room) rooms.delete(name);
          for (const [epoch, owner] of epochs) if (owner === room) epochs.delete(epoch);
          if (error) onRoomLost?.(room, error);
        },
      });
      rooms.set(name, room);
      if (socket.connected) room.enter();
      return room;
    },
    inbox(handler) {
      const off = handleInbox(socket, () => connections, handler);
      inboxes.add(off);
      return off;
    },
    async presence(room) {
      let { users, next } = await presencePage(room);
      while (next) {
        const page = await presencePage(room, { after: next });
        users = [...users, ...page.users];
        next = page.next;
      }
      return users;
    },
    presencePage,
    close() {
      socket.offAny(onAny);
      socket.off('connect', onConnect);
      socket.off('disconnect', onDisconnect);
      for (const off of inboxes) off();
      for (const room of rooms.values()) room.leave().catch(() => {});
    },
  };
}

/** Reads where a message stands in its room's history: the last argument of one that is kept. */
function readMark(mark: unknown): Position | undefined {
  const [, epoch, offset] = (typeof mark === 'string' && /^([\w-]{1,64})\.(\d{1,15})~$/.exec(mark)) || [];
  return epoch === undefined ? undefined : { epoch, offset: Number(offset) };
}
