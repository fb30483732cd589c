import type { Socket } from 'socket.io';
import { smallIfEmpty } from './empty-object.ts';

type Fields = Socket['handshake'];

/** The time of a handshake as a text of 80 bytes, which is made when somebody asks for it. All handshakes share these functions. */
const time = {
  get(this: Fields): string {
    return String(new Date(this.issued));
  },
  set(this: Fields, value: unknown): void {
    Object.defineProperty(this, 'time', { value, writable: true, enumerable: true, configurable: true });
  },
  enumerable: true,
  configurable: true,
} satisfies PropertyDescriptor & ThisType<Fields>;

/** An ordinary object with the same properties in the same order. */
const Handshake = function Handshake(this: Partial<Fields>, known: Fields): void {
  this.headers = known.headers;
  Object.defineProperty(this, 'time', time);
  this.address = known.address;
  this.xdomain = known.xdomain;
  this.secure = known.secure;
  this.issued = known.issued;
  this.url = known.url;
  this.query = known.query;
  this.auth = smallIfEmpty(known.auth);
} as unknown as new (
  known: Fields,
) => Fields;
Handshake.prototype = Object.prototype;

const names = ['headers', 'time', 'address', 'xdomain', 'secure', 'issued', 'url', 'query', 'auth'].join();

/** A handshake that takes less memory, if it has the properties that this file knows. Nobody else may have it. */
export function slimHandshake(handshake: Fields): Fields {
  return Object.keys(handshake).join() === names ? new Handshake(handshake) : handshake;
}
