#!/usr/bin/env node
import { runCreate } from '../create/index.ts';

await runCreate(process.argv.slice(2));
