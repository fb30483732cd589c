/** What every command of `gopush` loads: names that options and arguments take, and whether Node is new enough. */

export { nodeProblem } from './node-problem.ts';

/** The projects that can be created, with what they are. The first one is the default. */
export const templateNames = {
  minimal: 'rooms and push, and a page to try them',
  chat: 'accounts and sign-in by REST, rooms with history over Socket.IO',
  proxy: 'a gateway for your own HTTP and WebSocket servers',
  notify: 'POST a message to every open page: Socket.IO, WebSocket, SSE',
} as const;

/** The name of a template. */
export type TemplateName = keyof typeof templateNames;

/** The package managers that a project can be installed with. */
export const packageManagers = ['npm', 'pnpm', 'yarn', 'bun'] as const;

/** A program that installs packages and runs the scripts of a project. */
export type PackageManager = (typeof packageManagers)[number];

/** The hooks that can be made. */
export const hookNames = ['agent', 'onupgrade', 'router', 'server'] as const;

/** A hook that can be made. */
export type HookName = (typeof hookNames)[number];

/** The file of `config/` with settings of an environment that are not committed. */
export function secretsFile(environment: string): string {
  return `secrets.${environment}.json`;
}
