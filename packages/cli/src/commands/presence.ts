import { askApi } from '../api/ask-api.ts';
import { type ApiOptions, findApi } from '../api/find-api.ts';
import { CommandError } from '../command-error.ts';

/** `gopush presence <uid>`: whether a user is connected, with how many devices, since when and where. */
export async function presence(uid: string, options: ApiOptions): Promise<void> {
  const access = await findApi('read', options);
  process.stdout.write(`${await askApi(access, { method: 'GET', path: ['users', uid, 'presence'] })}\n`);
}

/** `gopush presence --room <room>`: prints the users in a room, one line of JSON for each page of the API. */
export async function presenceInRoom(room: string, options: ApiOptions): Promise<void> {
  const access = await findApi('read', options);
  for (let after: string | undefined; ; ) {
    const query = after === undefined ? {} : { after };
    const page = await askApi(access, { method: 'GET', path: ['rooms', room, 'presence'], query });
    process.stdout.write(`${page}\n`);
    const { next } = JSON.parse(page) as { next?: string | null };
    if (next === undefined || next === null) return;
    after = next;
  }
}

/** @throws CommandError if both are given, or none */
export function checkUid(uid: string | undefined, room: string | undefined): string {
  if (uid !== undefined && room === undefined) return uid;
  throw new CommandError(2, 'presence: wanted a uid, or --room with the name of a room');
}
