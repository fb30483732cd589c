import { decodePercent } from '../reading/decode-percent.ts';
import { kindOf } from '../reading/kind-of.ts';
import { nameFault } from '../reading/name.ts';
import { failed, type Result, success } from '../result.ts';

/** Who a client is, as one tier tells the next. */
export interface Identity {
  /** The user, as the hooks named them. */
  readonly uid: string;
  /** The product the client asked for; `default` where it named none. */
  readonly product: string;
}

/**
 * The uid of requests that are from no user: of anonymous clients, of public products, of a back end with an API key. No uid can be it, and targets
 * are told none.
 */
export const noUser = '';

/** Longest uid, in bytes of UTF-8. */
export const maxUidBytes = 256;

/** Longest name of a product, in bytes of UTF-8. */
export const maxProductBytes = 128;

/** All headers by which tiers tell each other about a client start so; a client's own are removed before ours are written. */
export const identityHeaderPrefix = 'x-gopush-';

/** Header with the uid, percent-encoded, since header values cannot carry all characters. */
export const uidHeader = 'x-gopush-uid';

/** Header with the product. */
export const productHeader = 'x-gopush-product';

/** Header with the name of the agent that forwarded the request. */
export const agentHeader = 'x-gopush-agent';

/** Query parameter with the uid, kept from gopush 0.1. */
export const uidParameter = 'uid';

/** Query parameter with which a client names the product it wants. */
export const productParameter = 'product';

/** The product of a client that names none. */
export const defaultProduct = 'default';

/**
 * Takes what a hook returned for a uid to a uid.
 *
 * Text and whole numbers are taken; `undefined`, `null`, `false` and `''` mean that the client is not known.
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

/** A value that is no uid, in words, with what was probably meant. */
function describeNoUid(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'function') return 'a function that was not called';
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return kindOf(value);
  try {
    const key = ['uid', 'id', 'userId', 'sub'].find((name) => Object.hasOwn(value, name));
    return key === undefined ? 'an object' : `an object; did you mean its ${key}?`;
  } catch {
    return 'an object';
  }
}

/** The uid and product headers of an identity, as a flat list of names and values; of no user without a uid. */
export function writeIdentity(identity: Identity): string[] {
  const product = [productHeader, encodeURIComponent(identity.product)];
  return identity.uid === noUser ? product : [uidHeader, encodeURIComponent(identity.uid), ...product];
}

/**
 * Reads the identity that an agent wrote. The caller decides whether the sender may be believed.
 *
 * Without a uid header the `uid=` parameter is read, so that a program may connect to a push-server directly; but not behind an agent, which
 * has told no uid since there is none.
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
