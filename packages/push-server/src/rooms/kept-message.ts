import { deserialize, serialize } from 'node:v8';

/** A message on its way to the clients of a room, as it is kept and sent to other nodes. */
export interface KeptMessage {
  readonly event: string;
  readonly message: unknown;
  /** Id of the socket that is not to get it: the sender. */
  readonly except: string | undefined;
  /** Uid of the client that published it; `undefined` where a program did, or `pushServer.senders` is off. */
  readonly sender: string | undefined;
}

/** A message as bytes. What cannot be copied, as a function, is left out, as Socket.IO leaves it out for clients. */
export function encodeMessage({ event, message, except, sender }: KeptMessage): Buffer {
  try {
    return serialize(sender === undefined ? [event, message, except] : [event, message, except, sender]);
  } catch {
    return serialize([event, JSON.parse(JSON.stringify(message) ?? 'null'), except, sender]);
  }
}

/** @throws where these are not such bytes */
export function decodeMessage(bytes: Buffer): KeptMessage {
  const [event, message, except, sender] = deserialize(bytes) as [string, unknown, string?, string?];
  return { event, message, except, sender };
}
