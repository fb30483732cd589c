import type { Purpose } from './names-of.ts';

/** Something that is not as gopush knows it. */
export interface Fault {
  readonly purpose: Purpose;
  readonly what: string;
}
