import { askApi } from '../api/ask-api.ts';
import { type ApiOptions, findApi } from '../api/find-api.ts';
import { readMessage } from '../api/read-message.ts';

/** Receivers of a message. */
export type Receiver = { readonly room: string } | { readonly user: string } | 'all';

/** The message, with the fields of the API. */
export interface Said {
  readonly event: string;
  /** As it was given: JSON, or a text. */
  readonly message: string | undefined;
  readonly id?: string;
  readonly keep?: 'must' | 'try' | 'no';
  readonly deliver?: 'store';
  readonly ttlMs?: number;
}

/** `gopush push room|user|all`: publishes a message by the HTTP API of a running push-server, and prints the result. */
export async function push(receiver: Receiver, { message, ...said }: Said, options: ApiOptions): Promise<void> {
  const body = { ...said, ...(message === undefined ? {} : { message: readMessage(message) }) };
  const access = await findApi('publish', options);
  process.stdout.write(`${await askApi(access, { method: 'POST', path: pathOf(receiver), body })}\n`);
}

function pathOf(receiver: Receiver): readonly string[] {
  if (receiver === 'all') return ['notify'];
  return 'room' in receiver ? ['rooms', receiver.room, 'publish'] : ['users', receiver.user, 'publish'];
}
