import type { ClusterHistory } from '@gopush/cluster';
import { withKey } from './access-key.ts';

/** Reads the last 15 minutes; `undefined`: not now. */
export async function readHistory(): Promise<ClusterHistory | undefined> {
  try {
    const response = await fetch('cluster/history', { headers: withKey() });
    return response.ok ? ((await response.json()) as ClusterHistory) : undefined;
  } catch {
    return undefined;
  }
}
