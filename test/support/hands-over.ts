/** Whether tests run with hand-offs: see `vitest.config.ts`. */
export const handsOver = process.env.HAND_OFF === '1';
