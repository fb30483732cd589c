import { spawnSync } from 'node:child_process';

/** Why a tool cannot be used, for the name of a test; empty: it can. */
export function whyNot(tool: string): string {
  const { error } = spawnSync(tool, ['--help'], { timeout: 20_000 });
  return error === undefined ? '' : `: skipped, ${tool} is not installed`;
}

/** Runs a tool to its end. */
export function runTool(
  tool: string,
  args: readonly string[],
  cwd?: string,
): { readonly code: number | null; readonly output: string } {
  const { status, stdout, stderr, error } = spawnSync(tool, args, { encoding: 'utf8', timeout: 60_000, cwd });
  return { code: status, output: `${stdout}${stderr}${error?.message ?? ''}` };
}
