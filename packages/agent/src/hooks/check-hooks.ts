import { createConfig, type HookName, type Target } from '@gopush/contract';
import { type CheckedHook, checkHookFiles, type HookLocation, lacksReturn, type OnLoad } from '@gopush/hooks';
import { type HookSet, isAllPublic, policyOf } from './hook-set.ts';
import { hookSource } from './hook-source.ts';

/** Default settings: checking hooks does not depend on settings. */
const defaultPolicy = policyOf(createConfig());

/** A target that a router lists by its address. */
export interface ListedTarget extends Target {
  readonly product: string;
}

/** The result of checking the hooks of an agent. */
export interface CheckedAgentHooks {
  readonly hooks: readonly CheckedHook<HookName>[];
  readonly targets: readonly ListedTarget[];
  /** Whether no product needs to know its clients. */
  readonly isPublic: boolean;
}

/** Loads each hook file and reports its faults. */
export async function checkHooks(location: HookLocation, onLoad?: OnLoad): Promise<CheckedAgentHooks> {
  const targets: ListedTarget[] = [];
  let isPublic = false;
  const hooks = await checkHookFiles(hookSource(location, defaultPolicy), onLoad, (set, name) => {
    if (name === 'router') {
      targets.push(...listTargets(set));
      isPublic = isAllPublic(set);
    }
    return doubtOf(set, name);
  });
  return { hooks, targets, isPublic };
}

function listTargets({ products }: HookSet): ListedTarget[] {
  return [...products.values()].flatMap(({ product, from }) =>
    from.kind === 'list' ? from.targets.map((target) => ({ ...target, product })) : [],
  );
}

/** A hook without a return statement identifies no client. Of an app this is known only when a request arrives. */
function doubtOf({ http, upgrade, products }: HookSet, name: HookName): string | undefined {
  if (name === 'router') {
    const lacking = [...products.values()].find(({ from }) => from.kind === 'function' && lacksReturn(from.hook));
    return (
      lacking && `${lacking.product}: it has no return statement; wanted: return the targets, or null if there are none`
    );
  }
  const source = name === 'agent' ? http : upgrade;
  if (source.kind !== 'function' || !lacksReturn(source.hook)) return undefined;
  return 'it has no return statement, so it identifies no client; wanted: return the uid, or null for an unknown client';
}
