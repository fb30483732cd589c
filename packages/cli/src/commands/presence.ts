import { askApi } from '../api/ask-api.ts';
import { type ApiOptions, findApi } from '../api/find-api.ts';

/** `gopush presence <uid>`: whether a user is connected, with how many devices, since when and where. */
export async function presence(uid: string, options: ApiOptions): Promise<void> {
  const access = await findApi('read', options);
  process.stdout.write(`${await askApi(access, { method: 'GET', path: ['users', uid, 'presence'] })}\n`);
}
