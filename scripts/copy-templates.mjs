/** Before packing: the templates become part of the package. */
import { cp, rm } from 'node:fs/promises';

const templates = new URL('../templates/', import.meta.url);
const copies = new URL('../packages/create/templates/', import.meta.url);
await rm(copies, { recursive: true, force: true });
await cp(templates, copies, { recursive: true });
