import { decodePercent } from '../reading/decode-percent.ts';
import { kindOf } from '../reading/kind-of.ts';
import { nameFault } from '../reading/name.ts';
import { failed, type Result, success } from '../result.ts';

/** The identity of a client, as one tier passes it to the next. */
export interface Identity {
  /** The uid of the user, as returned by the hooks. */
  readonly uid: string;
  /** The requested product; `default` if the request has none. */
  readonly product: string;
}

/**
 * The uid of requests without a user: those of anonymous clients, of public products, and of back ends with an API key. It is not a valid uid, and
 * targets get no uid header.
 */
export const noUser = '';

/** Longest uid, in bytes of UTF-8. */
export const maxUidBytes = 256;

/** Longest name of a product, in bytes of UTF-8. */
export const maxProductBytes = 128;

/** Prefix of all headers with which tiers pass information about a client. Agents remove the client's own before they write theirs. */
export const identityHeaderPrefix = 'x-gopush-';

/** Header with the uid, percent-encoded, because header values cannot contain all characters. */
export const uidHeader = 'x-gopush-uid';

/** Header with the product. */
export const productHeader = 'x-gopush-product';

/** Header with the name of the agent that forwarded the request. */
export const agentHeader = 'x-gopush-agent';

/** Query parameter with the uid, kept from gopush 0.1. */
export const uidParameter = 'uid';

/** Query parameter with which a client requests a product. */
export const productParameter = 'product';

/** The product of a request without one. */
export const defaultProduct = 'default';

/**
 * Validates the uid that a hook returned.
 *
 * Strings and whole numbers are valid; `undefined`, `null`, `false` and `''` mean that the client is unknown.
 *
 * @returns `uid_missing`, `uid_invalid` (bounds: 1 to 256 bytes, no control characters) or `uid_hook_bad_value` (another type)
 */
export function parseUid(value: unknown): Result<string> {
  if (value === undefined || value === null || value === false || value === '') return failed('uid_missing');
  if (typeof value === 'number' && Number.isSafeInteger(value)) return success(String(value));
  if (typeof value !== 'string') {
    return failed('uid_hook_bad_value', `found ${describeNoUid(value)}, wanted the uid as a string or a whole number`);
  }
  const fault = nameFault(value, maxUidBytes);
  return fault === undefined ? success(value) : failed('uid_invalid', `the uid is ${fault}`);
}

/** Describes a value that is not a uid, with a hint. */
function describeNoUid(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'function') return 'a function that was not called';
  if (kindOf(value) !== 'an object') return kindOf(value);
  try {
    const key = ['uid', 'id', 'userId', 'sub'].find((name) => Object.hasOwn(value as object, name));
    return key === undefined ? 'an object' : `an object; did you mean its ${key}?`;
  } catch {
    return 'an object';
  }
}

/** The uid and product headers of an identity, as a flat list of names and values. Without a user there is no uid header. */
export function writeIdentity(identity: Identity): string[] {
  const product = [productHeader, encodeURIComponent(identity.product)];
  return identity.uid === noUser ? product : [uidHeader, encodeURIComponent(identity.uid), ...product];
}

/**
 * Reads the identity that an agent wrote. The caller decides whether the sender is trusted.
 *
 * Without a uid header the `uid=` parameter counts, so that a program can connect to a push-server directly. Behind an agent it does not: there a
 * missing header means that the client has no uid.
 */
export function readIdentity(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  query: Readonly<Record<string, unknown>>,
): Result<Identity> {
  const header = headers[uidHeader];
  const given = headers[agentHeader] === undefined ? query[uidParameter] : undefined;
  const uid = parseUid(typeof header === 'string' ? decodePercent(header) : given);
  if (!uid.ok) return uid;
  const named = headers[productHeader];
  const product = (typeof named === 'string' ? decodePercent(named) : undefined) ?? defaultProduct;
  const fault = nameFault(product, maxProductBytes);
  if (fault !== undefined) return failed('product_unknown', `the product is ${fault}`);
  return success({ uid: uid.value, product });
}
