import type { ClusterState } from '@gopush/cluster';
import { useState } from 'preact/hooks';
import { ask } from './ask.ts';

/** A node of the cluster. */
export type Node = ClusterState['nodes'][number];

/** What became of sending an action. */
export interface Sent {
  readonly text: string;
  /** Sends it again, if a key is missing. */
  readonly retry?: (() => void) | undefined;
}

/** Has nodes do something, by way of the node that shows this page. */
export function useAct(): {
  readonly sent: Sent | undefined;
  act(nodes: readonly Node[], action: string, value?: string): Promise<void>;
} {
  const [sent, setSent] = useState<Sent>();
  const act = async (nodes: readonly Node[], action: string, value = ''): Promise<void> => {
    setSent({ text: 'Sending …' });
    for (const { id, name } of nodes) {
      const { status, value: answer } = await ask('cluster/act', { node: id, action, value });
      if (status === 202) continue;
      const retry = status === 401 ? () => void act(nodes, action, value) : undefined;
      setSent({ text: nodes.length > 1 ? `${name}: ${String(answer)}` : String(answer), retry });
      return;
    }
    setSent({ text: nodes.length > 1 ? `Sent to ${nodes.length} nodes.` : 'Sent.' });
  };
  return { sent, act };
}
