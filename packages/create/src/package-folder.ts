import { createRequire } from 'node:module';
import { dirname } from 'node:path';

/** The folder of this package. Code that is bundled does not know by its own place how far that is. */
export const packageFolder = dirname(createRequire(import.meta.url).resolve('gopush-create/package.json'));
