import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'jsonc-parser';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { configJsonSchema, parseConfig } from '../src/index.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const schema = z.fromJSONSchema(structuredClone(configJsonSchema()) as z.core.JSONSchema.JSONSchema);
const editorTakes = (value: unknown): boolean => schema.safeParse(value).success;
const gopushTakes = (value: unknown): boolean => parseConfig({ file: 'c.json', text: JSON.stringify(value) }).ok;

test.each([
  [null, true],
  [{ host: 'redis.internal' }, true],
  ['redis://redis.internal:6379/1', true],
  ['rediss+sentinel://:pass@a:26379,b:26379/mymaster', true],
  ['redis+cluster://a:7000,b:7001', true],
  ['redis+unix:///run/redis/redis.sock?db=1', true],
  ['redis.internal:6379', false],
  [6379, false],
  [{ hots: 'redis.internal' }, false],
])('editors take %j for redisAdapter where gopush does', (redisAdapter, isTaken) => {
  expect([editorTakes({ redisAdapter }), gopushTakes({ redisAdapter })]).toEqual([isTaken, isTaken]);
});

test('editors find nothing wrong with the settings of templates, examples and deployments', () => {
  const folders = ['templates', 'examples'].flatMap((parent) =>
    readdirSync(`${root}/${parent}`).map((name) => `${parent}/${name}/config`),
  );
  const files = [...folders, 'deploy/pm2']
    .filter((folder) => existsSync(`${root}/${folder}`))
    .flatMap((folder) => readdirSync(`${root}/${folder}`).map((name) => `${folder}/${name}`))
    .filter((file) => file.endsWith('.json'));
  expect(files.length).toBeGreaterThan(12);
  for (const file of files) {
    const { error } = schema.safeParse(
      parse(readFileSync(`${root}/${file}`, 'utf8'), [], { allowTrailingComma: true }),
    );
    expect(error, file).toBeUndefined();
  }
});
