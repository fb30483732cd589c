/**
 * Loaded before tests and before the processes that they start, if they run with hand-offs (vitest.config.ts): turns `handOff.enabled`
 * on wherever settings do not say otherwise. The product has no switch for this.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configSchema } from '../../packages/contract/dist/index.js';

const { enabled } = configSchema.shape.handOff.def.innerType.shape;
Object.defineProperty(enabled.def, 'defaultValue', { value: true, configurable: true });

const self = `--import=${import.meta.url}`;
if (!process.env.NODE_OPTIONS?.includes(self)) {
  // The first one: those that it starts find their peers in its folder.
  const folder = mkdtempSync(join(tmpdir(), 'gopush-run-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  Object.assign(process.env, {
    XDG_RUNTIME_DIR: folder,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${self}`,
    HAND_OFF: '1',
  });
}
