import cluster from 'node:cluster';

/** How long the parent may take, in milliseconds. */
const leaveMs = 2_000;

/**
 * Leaves the parent that accepts connections for this process (pm2, our supervisor), after everything is closed. Resolves when the parent
 * has got back the connections that it was giving to this process meanwhile, and has given them to others. If this process simply ended,
 * the parent would keep one of them open, and its client would wait for a response for ever.
 */
export async function leaveParent(): Promise<void> {
  const { worker } = cluster;
  if (worker?.isConnected() !== true) return;
  await new Promise<void>((resolve) => {
    const late = setTimeout(resolve, leaveMs);
    process.once('disconnect', () => {
      clearTimeout(late);
      resolve();
    });
    worker.disconnect();
  });
}
