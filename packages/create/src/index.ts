export { type AddHookOptions, addHook, type Language } from './add-hook.ts';
export { addSecret } from './add-secret.ts';
export { CreateError } from './create-error.ts';
export { ecosystem } from './ecosystem.ts';
export { projectName } from './project-package.ts';
export { type CreateFlags, checkFlags, type ParsedOptions } from './read-flags.ts';
export { create, runCreate } from './run-create.ts';
