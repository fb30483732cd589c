/**
 * Why this version of Node cannot run gopush; `undefined`: it can. Hooks are loaded by `require`, and may be ES modules: Node can do that
 * since 20.19, and in its next line since 22.12. This file imports nothing, so that an old Node can read it.
 */
export function nodeProblem(version = process.version): string | undefined {
  const [major = 0, minor = 0] = version.replace('v', '').split('.').map(Number);
  const isEnough = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
  return isEnough
    ? undefined
    : `found Node ${version.replace('v', '')}, wanted 20.19 or newer, of Node 22 at least 22.12`;
}
