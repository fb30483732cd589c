/** Loads the hooks of a project and reports its findings: the other half of {@link checkHooksApart}. */
import { checkHooks } from '@gopush/agent/for-checks';
import type { HookLocation } from '@gopush/hooks';
import { checkServerHook } from '@gopush/push-server/for-hooks';
import type { CheckMessage } from './check-hooks-apart.ts';

const tell = (message: CheckMessage): void => void process.send?.(message);

process.once('message', async (location: HookLocation) => {
  const onLoad = (name: string, file: string): void => tell({ loading: { name, file } });
  const { hooks: agent, ...ofRouter } = await checkHooks(location, onLoad);
  tell({ checked: { agent, server: await checkServerHook(location, onLoad), ...ofRouter } });
});
