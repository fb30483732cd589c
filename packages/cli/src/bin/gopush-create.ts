#!/usr/bin/env node
import { runCreate } from 'gopush-create';

await runCreate(process.argv.slice(2));
