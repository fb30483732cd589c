/** After building: the JSON Schema of config files, by which editors complete them. */
import { writeFile } from 'node:fs/promises';
import { configJsonSchema } from '../packages/contract/dist/index.js';

await writeFile(
  new URL('../packages/cli/dist/config.schema.json', import.meta.url),
  `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
);
