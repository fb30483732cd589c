import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { defaultFolder } from '../../src/channel/folder.ts';

test('processes meet in the same folder, with and without a login of their user', () => {
  onTestFinished(() => void vi.unstubAllEnvs());
  const folders = ['/run/user/1000', undefined].map((runtime) => {
    vi.stubEnv('XDG_RUNTIME_DIR', runtime);
    return defaultFolder();
  });
  const expected = join(tmpdir(), `gopush-${process.getuid?.()}`);
  expect(folders).toEqual([expected, expected]);
});
