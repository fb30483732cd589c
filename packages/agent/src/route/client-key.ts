import { networkOf, noUser } from '@gopush/contract';

/**
 * The key by which hashing chooses a client's target: its uid, or, of an anonymous client, its network, as in nginx's `ip_hash`, so that all requests
 * of one client go to one target.
 */
export function clientKey(uid: string, address: string): string {
  return uid === noUser ? networkOf(address) : uid;
}
