import { loadLibc } from './system/libc.ts';

/**
 * Why connections cannot be handed over in this process: it does not run on Linux (x64, arm64), the optional package `koffi` is missing, or a call of
 * the C library is.
 *
 * @returns `undefined` if they can
 */
export async function whyUnavailable(): Promise<string | undefined> {
  const libc = await loadLibc();
  return typeof libc === 'string' ? libc : undefined;
}
