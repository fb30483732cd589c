import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Header by which an agent gives a target the sticky signature to put at the end of its session ids. */
export const stickyHeader = 'x-gopush-sticky';

/** Name of the cookie that keeps a client at its target, if the product wants that. */
export const stickyCookie = 'gopush-target';

/** Signs which target a session is on. Signatures tell clients nothing, and only agents that have a key can make one. */
export interface StickySignatures {
  /** Makes a signature for the sessions of a user at this target. */
  issue(product: string, target: string, uid: string): string;
  /** Whether a signature was made for this user and this target. */
  matches(sticky: string, product: string, target: string, uid: string): boolean;
}

/** Keys of signatures: the first one makes them, each is accepted. */
export type StickyKeys = readonly [string, ...string[]];

const saltLength = 8;
const signatureLength = 14;
const stickyLength = saltLength + signatureLength;
const stickyPattern = new RegExp(`^[\\w-]{${stickyLength}}$`);

/**
 * Signatures of 22 characters: 6 random bytes, and 10 bytes of an HMAC-SHA256 over these, the product, the target and
 * the uid. They do not contain the address of the target: an agent that knows the targets finds the one that matches.
 * The signature of one user is of no use to another.
 *
 * @param keys - called for each signature, because keys may change while an agent runs
 */
export function createStickySignatures(keys: () => StickyKeys): StickySignatures {
  return {
    issue(product, target, uid) {
      const salt = randomBytes(6).toString('base64url');
      return salt + sign(keys()[0], [salt, product, target, uid]);
    },
    matches(sticky, product, target, uid) {
      const salt = sticky.slice(0, saltLength);
      const signature = Buffer.from(sticky.slice(saltLength));
      if (sticky.length !== stickyLength || signature.length !== signatureLength) return false;
      const parts = [salt, product, target, uid];
      return keys().some((key) => timingSafeEqual(Buffer.from(sign(key, parts)), signature));
    },
  };
}

function sign(key: string, parts: readonly string[]): string {
  // JSON keeps the parts apart, whatever characters they have.
  const text = JSON.stringify(['sticky', ...parts]);
  return createHmac('sha256', key).update(text).digest('base64url').slice(0, signatureLength);
}

/** The sticky signature in an Engine.IO session id: what follows its last dot. */
export function readSidSignature(sid: string): string | undefined {
  const dot = sid.lastIndexOf('.');
  return dot === -1 ? undefined : readStickySignature(sid.slice(dot + 1));
}

/** A text as a sticky signature; `undefined` if it has not the form of one. */
export function readStickySignature(text: string): string | undefined {
  return stickyPattern.test(text) ? text : undefined;
}
