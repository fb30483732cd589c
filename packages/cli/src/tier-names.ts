/** The two kinds of processes. */
export const tiers = ['agent', 'push-server'] as const;

/** A kind of process. */
export type Tier = (typeof tiers)[number];

/** Whether some text names a tier. */
export function isTier(text: unknown): text is Tier {
  return tiers.includes(text as Tier);
}
