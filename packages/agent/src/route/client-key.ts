import { networkOf, noUser } from '@gopush/contract';

/**
 * By what hashing chooses the target of a client: its uid, or, of an anonymous one, its address, as nginx's `ip_hash`, so that the requests of
 * one client go to one target.
 */
export function clientKey(uid: string, address: string): string {
  return uid === noUser ? networkOf(address) : uid;
}
