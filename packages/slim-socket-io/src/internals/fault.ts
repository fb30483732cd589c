import type { Purpose } from './private-names.ts';

/** Something that is not as gopush knows it. */
export interface Fault {
  readonly purpose: Purpose;
  readonly what: string;
}
