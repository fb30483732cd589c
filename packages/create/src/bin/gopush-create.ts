#!/usr/bin/env node
import { runCreate } from '../run-create.ts';

await runCreate(process.argv.slice(2));
