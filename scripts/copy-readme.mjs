/** Before packing: the README of the repository is that of the package `gopush`. Registries resolve its links by the field `repository`. */
import { cp } from 'node:fs/promises';

await cp(new URL('../README.md', import.meta.url), new URL('../packages/cli/README.md', import.meta.url));
