import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Header by which an agent gives a target the mark to put at the end of its session ids. */
export const stickyHeader = 'x-gopush-sticky';

/** Name of the cookie that keeps a client on its target, where a product wants that. */
export const stickyCookie = 'gopush-target';

/** Marks sessions with the target they are on. Marks tell clients nothing, and only who knows a key can make one. */
export interface StickyMarks {
  /** A mark for the sessions of a user on this target. */
  issue(product: string, target: string, uid: string): string;
  /** Whether a mark was made for this user and this target. */
  matches(mark: string, product: string, target: string, uid: string): boolean;
}

/** Keys of marks: the first makes them, all are known. */
export type StickyKeys = readonly [string, ...string[]];

const saltLength = 8;
const signatureLength = 14;
const markLength = saltLength + signatureLength;
const markPattern = new RegExp(`^[\\w-]{${markLength}}$`);

/**
 * Marks of 22 characters: 6 random bytes, and 10 bytes of an HMAC-SHA256 over these, the product, the target and the uid. The address of a
 * target is not in them; an agent that knows the targets can tell which one is meant. The mark of one user is of no use to another.
 *
 * @param keys - asked for each mark, since they may change while an agent runs
 */
export function createStickyMarks(keys: () => StickyKeys): StickyMarks {
  return {
    issue(product, target, uid) {
      const salt = randomBytes(6).toString('base64url');
      return salt + sign(keys()[0], salt, product, target, uid);
    },
    matches(mark, product, target, uid) {
      const salt = mark.slice(0, saltLength);
      const signature = Buffer.from(mark.slice(saltLength));
      if (mark.length !== markLength || signature.length !== signatureLength) return false;
      return keys().some((key) => timingSafeEqual(Buffer.from(sign(key, salt, product, target, uid)), signature));
    },
  };
}

function sign(key: string, salt: string, product: string, target: string, uid: string): string {
  // JSON keeps the parts apart, whatever characters they have.
  const text = JSON.stringify(['sticky', salt, product, target, uid]);
  return createHmac('sha256', key).update(text).digest('base64url').slice(0, signatureLength);
}

/** The mark in an Engine.IO session id: what follows its last dot. */
export function readSidMark(sid: string): string | undefined {
  const dot = sid.lastIndexOf('.');
  return dot === -1 ? undefined : readStickyMark(sid.slice(dot + 1));
}

/** Some text as a mark, where it has the form of one. */
export function readStickyMark(text: string): string | undefined {
  return markPattern.test(text) ? text : undefined;
}
