import { deserialize, serialize } from 'node:v8';

/** A message on its way to the clients of a room, as it is kept and sent to other nodes. */
export interface KeptMessage {
  readonly event: string;
  readonly message: unknown;
  /** Id of the socket that is not to get it: the sender. */
  readonly except: string | undefined;
}

/** A message as bytes. What cannot be copied, as a function, is left out, as Socket.IO leaves it out for clients. */
export function encodeMessage({ event, message, except }: KeptMessage): Buffer {
  try {
    return serialize([event, message, except]);
  } catch {
    return serialize([event, JSON.parse(JSON.stringify(message) ?? 'null'), except]);
  }
}

/** @throws where these are not such bytes */
export function decodeMessage(bytes: Buffer): KeptMessage {
  const [event, message, except] = deserialize(bytes) as [string, unknown, string | undefined];
  return { event, message, except };
}
