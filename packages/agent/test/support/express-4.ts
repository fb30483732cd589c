import { createRequire } from 'node:module';
import type express from 'express';

const require = createRequire(import.meta.url);

/** Express 4, which has no types of its own here: what the tests use of it is as in Express 5. */
export const express4 = require('express-4') as typeof express;
