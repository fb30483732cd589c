import { createHmac, randomBytes } from 'node:crypto';

/** Header by which an agent gives a target the mark to put at the end of its session ids. */
export const stickyHeader = 'x-gopush-sticky';

/** Name of the cookie that keeps a client on its target, where a product wants that. */
export const stickyCookie = 'gopush-target';

/** Marks sessions with the target they are on: says nothing to clients, and only those who know the key can make one. */
export interface StickyMarks {
  /** A mark for sessions on this target. */
  issue(product: string, target: string): string;
  /** Whether a mark was made for this target. */
  matches(mark: string, product: string, target: string): boolean;
}

const saltLength = 8;
const markLength = saltLength + 14;
const markPattern = new RegExp(`^[\\w-]{${markLength}}$`);

/**
 * Marks of 22 characters: 6 random bytes, and 10 bytes of an HMAC-SHA256 over these, the product and the target. The address of a target
 * is not in them; who knows the targets can tell which one is meant.
 *
 * @param secrets - the first makes marks, all are known; without one anyone could make marks, which choose among the targets of a product
 * and no further
 */
export function createStickyMarks(secrets: readonly string[]): StickyMarks {
  const [first = '', ...others] = secrets;
  const sign = (key: string, salt: string, product: string, target: string): string =>
    createHmac('sha256', key).update(`sticky\n${salt}\n${product}\n${target}`).digest('base64url').slice(0, 14);
  return {
    issue(product, target) {
      const salt = randomBytes(6).toString('base64url');
      return salt + sign(first, salt, product, target);
    },
    matches(mark, product, target) {
      const salt = mark.slice(0, saltLength);
      const signature = mark.slice(saltLength);
      return [first, ...others].some((key) => sign(key, salt, product, target) === signature);
    },
  };
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
